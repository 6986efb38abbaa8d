package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"anthill/fault"
)

// Lifecycle is a lifecycle policy: which images of a repository expire (ECR user guide, "Automate the cleanup of images by
// using lifecycle policies").
type Lifecycle struct{ rules []lifecycleRule } // by priority, the first first

// lifecycleRule is one rule as AWS writes it in JSON.
type lifecycleRule struct {
	Priority    *int   `json:"rulePriority"`
	Description string `json:"description"`
	Selection   *struct {
		TagStatus   string   `json:"tagStatus"` // tagged, untagged or any
		TagPrefixes []string `json:"tagPrefixList"`
		TagPatterns []string `json:"tagPatternList"`
		CountType   string   `json:"countType"` // imageCountMoreThan or sinceImagePushed
		CountUnit   string   `json:"countUnit"` // days, with sinceImagePushed
		CountNumber *int     `json:"countNumber"`
	} `json:"selection"`
	Action *struct {
		Type   string `json:"type"` // expire
		Target string `json:"targetStorageClass"`
	} `json:"action"`
}

// maxRules is how many a policy may have.
const maxRules = 50

// lifecyclePattern is that of tags with wildcards.
var lifecyclePattern = regexp.MustCompile(`^[a-zA-Z0-9._*-]{1,128}$`)

// ParseLifecycle reads a policy. One that breaks AWS's rules is Invalid, and one that asks for what no image here can have
// (another storage class) Unsupported; the fault's Detail says what is wrong.
func ParseLifecycle(text string) (*Lifecycle, error) {
	const op = "registry.ParseLifecycle"
	var policy struct {
		Rules []lifecycleRule `json:"rules"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	refuse := func(kind fault.Kind, format string, args ...any) (*Lifecycle, error) {
		return nil, &fault.Error{Kind: kind, Op: op, Noun: "lifecycle policy", Detail: fmt.Sprintf(format, args...)}
	}
	if !json.Valid([]byte(text)) {
		return refuse(fault.Invalid, "string is not a valid JSON policy")
	}
	if err := d.Decode(&policy); err != nil {
		return refuse(fault.Invalid, "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if len(policy.Rules) == 0 {
		return refuse(fault.Invalid, `object has missing required properties (["rules"])`)
	}
	if len(policy.Rules) > maxRules {
		return refuse(fault.Invalid, "a policy has at most %d rules", maxRules)
	}
	priorities := map[int]bool{}
	selections := map[string]bool{}
	last, anyAt := 0, -1
	for _, r := range policy.Rules {
		if r.Priority == nil || r.Selection == nil || r.Action == nil {
			return refuse(fault.Invalid, `a rule has missing required properties (["rulePriority","selection","action"])`)
		}
		if r.Action.Type == "transition" || r.Selection.CountType == "sinceImagePulled" || r.Selection.CountType == "sinceImageTransitioned" {
			return refuse(fault.Unsupported, "storage classes are not supported by Anthill: action transition, sinceImagePulled and sinceImageTransitioned are refused")
		}
		if err := r.check(); err != "" {
			return refuse(fault.Invalid, "rule %d: %s", *r.Priority, err)
		}
		if priorities[*r.Priority] {
			return refuse(fault.Invalid, "rule priority %d is not unique", *r.Priority)
		}
		priorities[*r.Priority] = true
		key := r.Selection.TagStatus + "\x00" + strings.Join(slices.Sorted(slices.Values(r.Selection.TagPrefixes)), "\x00") + "\x01" +
			strings.Join(slices.Sorted(slices.Values(r.Selection.TagPatterns)), "\x00")
		if selections[key] {
			return refuse(fault.Invalid, "rule %d: another rule selects the same images", *r.Priority)
		}
		selections[key] = true
		if last = max(last, *r.Priority); r.Selection.TagStatus == "any" {
			anyAt = *r.Priority
		}
	}
	if anyAt >= 0 && anyAt != last {
		return refuse(fault.Invalid, "a rule with tagStatus any must have the highest rulePriority")
	}
	slices.SortFunc(policy.Rules, func(a, b lifecycleRule) int { return cmp.Compare(*a.Priority, *b.Priority) })
	return &Lifecycle{policy.Rules}, nil
}

// check says what is wrong with a rule by itself.
func (r *lifecycleRule) check() string {
	s := r.Selection
	switch s.TagStatus {
	case "tagged":
		if (len(s.TagPrefixes) > 0) == (len(s.TagPatterns) > 0) {
			return "tagStatus tagged needs either tagPrefixList or tagPatternList"
		}
	case "untagged", "any":
		if s.TagPrefixes != nil || s.TagPatterns != nil {
			return "tagPrefixList and tagPatternList go with tagStatus tagged only"
		}
	default:
		return "tagStatus must be tagged, untagged or any"
	}
	for _, p := range s.TagPatterns {
		if !lifecyclePattern.MatchString(p) || strings.Count(p, "*") > 4 {
			return "the tag pattern '" + p + "' is invalid: tags with at most four wildcards (*)"
		}
	}
	switch s.CountType {
	case "imageCountMoreThan":
		if s.CountUnit != "" {
			return "countUnit goes with sinceImagePushed only"
		}
	case "sinceImagePushed":
		if s.CountUnit != "days" {
			return "sinceImagePushed needs countUnit days"
		}
	default:
		return "countType must be imageCountMoreThan or sinceImagePushed"
	}
	switch {
	case *r.Priority < 1:
		return "rulePriority must be at least 1"
	case s.CountNumber == nil || *s.CountNumber < 1:
		return "countNumber must be at least 1"
	case r.Action.Type != "expire" || r.Action.Target != "":
		return "action must be expire"
	}
	return ""
}

// matches reports whether an image is what the rule is about, whatever its age.
func (r *lifecycleRule) matches(img *Image) bool {
	s := r.Selection
	switch s.TagStatus {
	case "untagged":
		return len(img.Tags) == 0
	case "any":
		return true
	}
	if len(img.Tags) == 0 {
		return false
	}
	for _, prefix := range s.TagPrefixes { // all of them, each by any of the image's tags
		if !slices.ContainsFunc(img.Tags, func(tag string) bool { return strings.HasPrefix(tag, prefix) }) {
			return false
		}
	}
	for _, pattern := range s.TagPatterns {
		matched := func(tag string) bool {
			ok, _ := path.Match(pattern, tag) // neither has a slash, a bracket or a question mark
			return ok
		}
		if !slices.ContainsFunc(img.Tags, matched) {
			return false
		}
	}
	return true
}

// Expiry is an image that a policy expires, and by which rule.
type Expiry struct {
	Image    Image
	Tags     []string `json:",omitzero"` // of the image, in a Preview
	Priority int      // of the rule
}

// Expiring gives what the policy expires of a repository's images at an instant, the oldest first. Each image belongs to the
// first rule that selects it by its tags, and only that rule can expire it. Images that an index names stay as long as the
// index does.
func (l *Lifecycle) Expiring(images []Image, now time.Time) []Expiry {
	newest := slices.Clone(images)
	slices.SortStableFunc(newest, func(a, b Image) int { return b.Pushed.Compare(a.Pushed) })
	named := map[string]bool{}
	for _, img := range images {
		for _, p := range img.Manifests {
			named[p.Digest] = true
		}
	}
	owned := map[string]bool{} // by a rule before
	var out []Expiry
	for i := range l.rules {
		r := &l.rules[i]
		count := 0
		var mine []string
		for _, img := range newest {
			if !r.matches(&img) {
				continue
			}
			count++
			mine = append(mine, img.Digest)
			expired := count > *r.Selection.CountNumber
			if r.Selection.CountType == "sinceImagePushed" {
				expired = now.Sub(img.Pushed) > time.Duration(*r.Selection.CountNumber)*24*time.Hour
			}
			if expired && !owned[img.Digest] && !named[img.Digest] {
				out = append(out, Expiry{Image: img, Priority: *r.Priority})
			}
		}
		for _, d := range mine {
			owned[d] = true
		}
	}
	slices.SortStableFunc(out, func(a, b Expiry) int { return a.Image.Pushed.Compare(b.Image.Pushed) })
	return out
}
