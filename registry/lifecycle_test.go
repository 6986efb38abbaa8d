package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"anthill/fault"
	"anthill/registry"
)

// rule writes a rule: "1 tagged prod count 2", "2 untagged days 14", "3 any count 1", "1 tagged *.rc* days 3".
func rule(text string) string {
	var priority, number int
	var status, tags, count string
	if n, _ := fmt.Sscanf(text, "%d tagged %s %s %d", &priority, &tags, &count, &number); n == 4 {
		list := "tagPrefixList"
		if strings.Contains(tags, "*") {
			list = "tagPatternList"
		}
		status = `"tagged","` + list + `":["` + strings.ReplaceAll(tags, ",", `","`) + `"]`
	} else {
		fmt.Sscanf(text, "%d %s %s %d", &priority, &status, &count, &number)
		status = `"` + status + `"`
	}
	how := `"imageCountMoreThan"`
	if count == "days" {
		how = `"sinceImagePushed","countUnit":"days"`
	}
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{"tagStatus":%s,"countType":%s,"countNumber":%d},"action":{"type":"expire"}}`, priority, status, how, number)
}

func policy(rules ...string) string {
	var all []string
	for _, r := range rules {
		all = append(all, rule(r))
	}
	return `{"rules":[` + strings.Join(all, ",") + `]}`
}

// The examples are those of the ECR user guide, "Examples of lifecycle policies".
func TestExpiring(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		images []string // "A 10 beta-1 prod-1": its name, its age in days, its tags
		rules  []string
		want   []string // "A by 1"
	}{
		"by age":                  {[]string{"A 15", "B 14", "C 1"}, []string{"1 untagged days 14"}, []string{"A by 1"}},
		"by count":                {[]string{"A 3", "B 2", "C 1"}, []string{"1 untagged count 1"}, []string{"A by 1", "B by 1"}},
		"a prefix":                {[]string{"A 9 prod-1", "B 8 beta-1", "C 7 prod-2"}, []string{"1 tagged prod count 1"}, []string{"A by 1"}},
		"a prefix of any tag":     {[]string{"A 9 x prod-1", "B 8 prod-2 y"}, []string{"1 tagged prod count 1"}, []string{"A by 1"}},
		"all of the prefixes":     {[]string{"A 9 alpha-1 beta-1", "B 8 alpha-2", "C 7 beta-2"}, []string{"1 tagged alpha,beta days 5"}, []string{"A by 1"}},
		"patterns":                {[]string{"A 9 v1-rc1", "B 9 v1", "C 9 rc"}, []string{"1 tagged v*-rc* days 5"}, []string{"A by 1"}},
		"tagged is not untagged":  {[]string{"A 9", "B 9 x"}, []string{"1 untagged days 1"}, []string{"A by 1"}},
		"any":                     {[]string{"A 9", "B 8 x", "C 7"}, []string{"1 any count 1"}, []string{"A by 1", "B by 1"}},
		"two rules, prod first":   {[]string{"A 10 beta-1 prod-1", "B 9 beta-2 prod-2", "C 8 beta-3"}, []string{"1 tagged prod count 1", "2 tagged beta count 1"}, []string{"A by 1"}},
		"two rules, beta first":   {[]string{"A 10 beta-1 prod-1", "B 9 beta-2 prod-2", "C 8 beta-3"}, []string{"1 tagged beta count 1", "2 tagged prod count 1"}, []string{"A by 1", "B by 1"}},
		"priorities, not order":   {[]string{"A 10 beta-1 prod-1", "B 9 beta-2 prod-2"}, []string{"9 tagged beta days 1", "2 tagged prod count 1"}, []string{"A by 2"}},
		"untagged, then any":      {[]string{"A 9", "B 8", "C 7 x", "D 6 y"}, []string{"1 untagged count 1", "2 any count 1"}, []string{"A by 1", "C by 2"}},
		"an index keeps its own":  {[]string{"A 9", "B 8 list >A", "C 7"}, []string{"1 untagged days 1"}, []string{"C by 1"}},
		"an index, then no image": {[]string{"A 9", "B 8 list >A"}, []string{"1 any days 1"}, []string{"B by 1"}},
		"nothing":                 {nil, []string{"1 any count 1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var images []registry.Image
			for _, text := range c.images {
				f := strings.Fields(text)
				var days int
				fmt.Sscan(f[1], &days)
				img := registry.Image{Pushed: now.Add(-time.Duration(days) * 24 * time.Hour)}
				img.Digest = f[0]
				for _, tag := range f[2:] {
					if child, ok := strings.CutPrefix(tag, ">"); ok {
						img.Manifests = append(img.Manifests, registry.Part{Digest: child})
						continue
					}
					img.Tags = append(img.Tags, tag)
				}
				images = append(images, img)
			}
			l, err := registry.ParseLifecycle(policy(c.rules...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range l.Expiring(images, now) {
				got = append(got, fmt.Sprintf("%s by %d", e.Image.Digest, e.Priority))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestBrokenLifecyclePolicies(t *testing.T) {
	good := rule("1 untagged days 1")
	change := func(from, to string) string { return `{"rules":[` + strings.Replace(good, from, to, 1) + `]}` }
	for text, want := range map[string]string{
		`no`:                                              "string is not a valid JSON policy",
		`[]`:                                              "cannot unmarshal",
		`{}`:                                              `object has missing required properties (["rules"])`,
		`{"rules":[{"rulePriority":1}]}`:                  `missing required properties (["rulePriority","selection","action"])`,
		change(`"rulePriority":1`, `"other":1`):           "unknown field",
		change(`:1,`, `:0,`):                              "rulePriority must be at least 1",
		change(`"countNumber":1`, ``):                     "string is not a valid JSON policy",
		change(`,"countNumber":1`, ``):                    "countNumber must be at least 1",
		change(`untagged`, `some`):                        "tagStatus must be",
		change(`"untagged"`, `"tagged"`):                  "either tagPrefixList or tagPatternList",
		change(`sinceImagePushed`, `sinceNever`):          "countType must be",
		change(`"days"`, `"hours"`):                       "needs countUnit days",
		change(`"expire"`, `"delete"`):                    "action must be expire",
		policy("1 untagged days 1", "1 any days 2"):       "rule priority 1 is not unique",
		policy("1 untagged days 1", "2 untagged count 2"): "selects the same images",
		policy("1 any days 1", "2 untagged count 2"):      "must have the highest rulePriority",
		policy("1 tagged *a*b*c*d* days 1"):               "at most four wildcards",
		change(`sinceImagePushed","countUnit":"days`, `sinceImagePulled","countUnit":"days`): "not supported by Anthill",
	} {
		_, err := registry.ParseLifecycle(text)
		if f := fault.Of(err); err == nil || f.Noun != "lifecycle policy" || !strings.Contains(f.Detail, want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzLifecycle(f *testing.F) {
	f.Add(policy("1 tagged a,b days 3", "2 any count 1"))
	f.Add(policy("1 tagged v* count 3"))
	f.Fuzz(func(t *testing.T, text string) {
		l, err := registry.ParseLifecycle(text)
		if err != nil {
			return
		}
		images := []registry.Image{{Tags: []string{"a-1", "b"}}, {Tags: []string{"v1"}}, {}}
		for i := range images {
			images[i].Digest = string(rune('a' + i))
		}
		if got := l.Expiring(images, time.Now()); len(got) > len(images) {
			t.Errorf("%d of %d images expire", len(got), len(images))
		}
	})
}

// Expired images go with their layers; one that an index names goes after the index.
func TestExpire(t *testing.T) {
	h := newHouse(t, "rr")
	child := image(t, types.DockerManifestSchema2)
	for _, tag := range []string{"keep", "old-1"} {
		if err := remote.Write(h.ref("rr:"+tag), image(t, types.DockerManifestSchema2)); err != nil {
			t.Fatal(err)
		}
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: child, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}})
	if err := remote.WriteIndex(h.ref("rr:old-list"), index); err != nil {
		t.Fatal(err)
	}
	tags := func() []string {
		all, err := h.Images(named("rr"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, img := range all {
			got = append(got, strings.Join(img.Tags, "+"))
		}
		slices.Sort(got)
		return got
	}
	text := policy("1 tagged old count 1", "2 untagged count 1")
	if _, err := h.StartPreview(named("rr"), ""); fault.Of(err).Noun != "lifecycle policy" {
		t.Errorf("a preview without a policy: %v", err)
	}
	p, err := h.StartPreview(named("rr"), text)
	if err != nil || len(p.Expiring) != 1 || !slices.Equal(p.Expiring[0].Tags, []string{"old-1"}) {
		t.Fatalf("preview %+v, %v", p, err)
	}
	if again, err := h.Preview(named("rr")); err != nil || len(again.Expiring) != 1 || !slices.Equal(again.Expiring[0].Tags, []string{"old-1"}) {
		t.Errorf("the preview again: %+v, %v", again, err)
	}
	if got := tags(); len(got) != 4 {
		t.Errorf("a preview left %q", got)
	}
	if _, err := h.Update(named("rr"), func(r *registry.Repository) error { r.Lifecycle = text; return nil }); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time changes nothing
		if err := h.Expire(); err != nil {
			t.Fatal(err)
		}
		if got, want := tags(), []string{"", "keep", "old-list"}; !slices.Equal(got, want) {
			t.Errorf("left are %q, want %q", got, want)
		}
	}
	if r, err := h.Repository(named("rr")); err != nil || r.Evaluated.IsZero() {
		t.Errorf("when it was followed is not noted: %v", err)
	}
	// Without the index, its image is an untagged one, and the only.
	if err := remote.Delete(h.ref("rr@" + digestOf(t, index))); err != nil {
		t.Fatal(err)
	}
	if err := h.Expire(); err != nil {
		t.Fatal(err)
	}
	if got, want := tags(), []string{"", "keep"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

// What is about an image that expires goes with it, and what is about that; what is about an image that was deleted by hand, or
// that never came, goes when a day has passed.
func TestReferenceArtifactsGoWithTheirSubject(t *testing.T) {
	h := newHouse(t, "rr")
	push := func(tag string, about *v1.Descriptor) *v1.Descriptor {
		t.Helper()
		img := image(t, types.OCIManifestSchema1)
		if about != nil {
			img = mutate.Subject(img, *about).(v1.Image)
		}
		if err := remote.Write(h.ref("rr:"+tag), img); err != nil {
			t.Fatal(err)
		}
		d, err := remote.Head(h.ref("rr:" + tag))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	expiring, keep, byHand := push("old-1", nil), push("keep", nil), push("hand", nil)
	push("old-2", nil) // the younger one, which stays
	push("of-signature", push("of-old", expiring))
	push("of-keep", keep)
	push("of-hand", byHand)
	push("of-none", &v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}, Size: 2})
	if err := h.DeleteImage(named("rr"), byHand.Digest.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Update(named("rr"), func(r *registry.Repository) error { r.Lifecycle = policy("1 tagged old count 1"); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]string{{"keep", "of-hand", "of-keep", "of-none", "old-2"}, {"keep", "of-keep", "old-2"}} {
		if err := h.Expire(); err != nil {
			t.Fatal(err)
		}
		all, err := h.Images(named("rr"))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, img := range all {
			got = append(got, img.Tags...)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("left are %q, want %q", got, want)
		}
		h.later.Store(int64(25 * time.Hour))
	}
}
