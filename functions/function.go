package functions

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"anthill/uuid"
)

// Function is one function: its unpublished version and everything that belongs to it. Published versions are documents
// of their own. A Function that a reader has never changes.
type Function struct {
	Account, Region, Name string

	Latest      Version
	Versions    []*Version `json:"-"` // published ones, oldest first
	NextVersion int        // the number that the next published version gets

	Aliases     map[string]Alias       `json:",omitzero"`
	Policies    map[string]Policy      `json:",omitzero"` // by qualifier; "" is the function's own
	Provisioned map[string]Provisioned `json:",omitzero"` // by qualifier
	Async       map[string]AsyncConfig `json:",omitzero"` // by qualifier; "$LATEST" is the function's own
	URLs        map[string]URL         `json:",omitzero"` // by qualifier; "" is the function's own
	Tags        map[string]string      `json:",omitzero"`

	Reserved      *int   `json:",omitzero"` // reserved concurrency; nil when it draws on the account's
	SigningConfig string `json:",omitzero"` // ARN of its code signing configuration
	RecursiveLoop string `json:",omitzero"` // "Terminate" or "Allow"; "" means Terminate

	RuntimeUpdates map[string]RuntimeUpdate `json:",omitzero"` // by number of the version
}

// RuntimeUpdate is when a version's runtime is to be updated. It is shown; runtimes here change when the machine's do.
type RuntimeUpdate struct {
	On  string // "Auto", "FunctionUpdate" or "Manual"
	ARN string `json:",omitzero"` // of the runtime's version, with "Manual"
}

// Version is one state of a function: code with the configuration that it runs with.
type Version struct {
	Number   string // "$LATEST" or "1", "2"…
	Settings Settings
	Code     Code
	Modified time.Time
	Revision string // AWS's RevisionId, a UUID

	// Instance changes whenever code or configuration does: environments of another one are not used for it.
	Instance string
	From     string `json:",omitzero"` // of a published version: the unpublished instance that it was made of

	// A version that was just made or changed says so for a moment, as on AWS, and then gets Settled as its revision.
	Phase    Phase     `json:",omitzero"`
	SettleAt time.Time `json:",omitzero"`
	Settled  string    `json:",omitzero"`

	Failure    Failure `json:",omitzero"` // of phase Failed
	NoSnapshot string  `json:",omitzero"` // why no snapshot is kept of a version that asks for one
}

// Failure is why a version cannot be used.
type Failure struct{ Code, Reason string } // as AWS's StateReasonCode and StateReason

// Phase is what is going on with a version.
type Phase uint8

const (
	Steady   Phase = iota // State Active, LastUpdateStatus Successful
	Creating              // State Pending
	Updating              // State Active, LastUpdateStatus InProgress
	Snapping              // State Pending until its snapshot has been taken
	Failed                // State Failed: the init that a snapshot was to be taken of failed, or the image cannot be run
)

// at gives v as it is at now: with its phase over when its time has come.
func (v *Version) at(now time.Time) *Version {
	if v.Phase == Steady || v.Phase == Snapping || v.Phase == Failed || now.Before(v.SettleAt) {
		return v
	}
	w := *v
	w.Revision, w.Phase, w.Settled, w.SettleAt = v.Settled, Steady, "", time.Time{}
	return &w
}

// begin puts v in a phase that ends after d, with a new revision for it and one for afterwards.
func (v *Version) begin(p Phase, now time.Time, d time.Duration) {
	v.Phase, v.Revision = p, uuid.New()
	v.SettleAt, v.Settled = now.Add(d), uuid.New()
}

// touch gives v a new revision without a phase.
func (v *Version) touch() {
	v.Revision = uuid.New()
	if v.Phase != Steady {
		v.Settled = uuid.New()
	}
}

// Settings are what users say about a version.
type Settings struct {
	Description  string       `json:",omitzero"`
	PackageType  string       // "Zip" or "Image"
	Runtime      string       `json:",omitzero"` // AWS's identifier; "" for images
	Handler      string       `json:",omitzero"`
	Role         string       // ARN
	Timeout      int          // seconds
	MemoryMB     int          //
	TmpMB        int          //
	Environment  *Environment `json:",omitzero"` // nil when it was never given
	Layers       []LayerRef   `json:",omitzero"`
	Architecture string       // "x86_64" or "arm64"
	Image        *ImageConfig `json:",omitzero"`
	Logging      Logging
	Tracing      string // "PassThrough" or "Active"
	SnapStart    string // "None" or "PublishedVersions"
	DeadLetter   string `json:",omitzero"` // ARN
	RunsOn       string // tail of the runtime version's ARN: what really runs it, said plainly
}

// Environment is the user's variables.
type Environment struct{ Variables map[string]string }

// LayerRef is a layer version as a function uses it.
type LayerRef struct {
	ARN  string
	Code Code
}

// ImageConfig overrides what a container image says about itself.
type ImageConfig struct {
	EntryPoint, Command []string `json:",omitzero"`
	WorkingDirectory    string   `json:",omitzero"`
}

// Logging is where and how a function logs. The levels are empty with format Text.
type Logging struct {
	Format, Group                 string
	ApplicationLevel, SystemLevel string `json:",omitzero"`
}

// Code is a package of bytes, or an image.
type Code struct {
	Digest   string `json:",omitzero"` // of the zip file: SHA-256 in hex, its name in blobs
	Size     int64  // of the zip file
	Unzipped int64  `json:",omitzero"` // of its files together
	ImageURI string `json:",omitzero"`
	Image    *Image `json:",omitzero"` // of what ImageURI named when the code was taken; Digest is then its manifest's
}

// Key names the function.
func (f *Function) Key() Key { return Key{f.Account, f.Region, f.Name} }

// ref names the function with a qualifier.
func (f *Function) ref(qualifier string) Ref { return Ref{f.Account, f.Region, f.Name, qualifier} }

// version finds a version by number; "" and "$LATEST" are the unpublished one.
func (f *Function) version(number string) (*Version, bool) {
	if number == "" || number == Latest {
		return &f.Latest, true
	}
	i := slices.IndexFunc(f.Versions, func(v *Version) bool { return v.Number == number })
	if i < 0 {
		return nil, false
	}
	return f.Versions[i], true
}

// published finds a published version of f, which may be nil.
func (f *Function) published(number string) (*Version, bool) {
	if f == nil || number == "" || number == Latest {
		return nil, false
	}
	return f.version(number)
}

// resolve finds the version that a qualifier means: a number, an alias (its main version), or "".
func (f *Function) resolve(qualifier string) (*Version, bool) {
	if a, ok := f.Aliases[qualifier]; ok {
		return f.version(a.Version)
	}
	return f.version(qualifier)
}

// clone gives a copy of f whose maps and version list may be changed. The values in them may not: they are replaced.
func (f *Function) clone() *Function {
	g := *f
	g.Versions = slices.Clone(f.Versions)
	g.Aliases = maps.Clone(f.Aliases)
	g.Policies = maps.Clone(f.Policies)
	g.Provisioned = maps.Clone(f.Provisioned)
	g.Async = maps.Clone(f.Async)
	g.URLs = maps.Clone(f.URLs)
	g.Tags = maps.Clone(f.Tags)
	g.RuntimeUpdates = maps.Clone(f.RuntimeUpdates)
	return &g
}

// put sets a key of a map that may be nil.
func put[V any](m *map[string]V, key string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = v
}

// versionKey sorts as the numbers do.
func versionKey(k Key, number string) string {
	n, _ := strconv.Atoi(number)
	return k.path() + "/" + strconv.Itoa(len(strconv.Itoa(n))) + "." + number
}
