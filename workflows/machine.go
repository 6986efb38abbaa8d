package workflows

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"anthill/arn"
	"anthill/asl"
	"anthill/fault"
	"anthill/store"
	"anthill/uuid"
)

// Type is how executions of a state machine are kept.
type Type string

const (
	Standard Type = "STANDARD"
	Express  Type = "EXPRESS"
)

// Machine is a state machine as it is now. A Machine that was handed out never changes.
type Machine struct {
	Scope
	Name    string
	ARN     string
	Created time.Time
	Tags    []Tag
	// LastVersion is the number of the newest version ever published; 0 for none.
	LastVersion int
	Revision
}

// Revision is what an update of a state machine replaces. Executions keep the one they started with.
type Revision struct {
	Key        string // of its document: machine ARN and update instant
	ID         string // a UUID; "" for the one the machine was created with
	MachineARN string
	Type       Type
	Definition string
	RoleARN    string
	Updated    time.Time
	Logging    Logging
	Tracing    bool
	Encryption *Encryption `json:",omitempty"`
}

// Logging is a loggingConfiguration.
type Logging struct {
	Level                string // "OFF" when it was not given
	IncludeExecutionData bool
	Groups               []string // ARNs of log groups
}

// Encryption is an encryptionConfiguration.
type Encryption struct {
	Type         string
	KeyID        string
	ReuseSeconds int32
}

// Tag is one tag, in the order in which tags were set.
type Tag struct{ Key, Value string }

// MachineInput is what CreateStateMachine is given. Zero fields stand for members that are absent.
type MachineInput struct {
	Name       string
	Definition string
	RoleARN    string
	Type       Type // "" is Standard
	Logging    *Logging
	Tracing    bool
	Encryption *Encryption
	Tags       []Tag
	Publish    bool
	// VersionDescription is for the version that Publish makes.
	VersionDescription string
}

// forbidden are the characters that no name of Step Functions may hold (API reference, CreateStateMachine, name).
var forbidden = regexp.MustCompile("[\\s<>{}\\[\\]?*\"#%\\\\^|~`$&,;:/\\x00-\\x1f\\x7f-\\x9f]")

// checkName refuses names with characters that AWS refuses.
func checkName(op, name string) error {
	if name == "" || len(name) > 80 || forbidden.MatchString(name) {
		return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "name", Name: name, Detail: "Invalid Name: '" + name + "'"}
	}
	return nil
}

// CreateMachine makes a state machine and, when asked, its first version. Asked again with the same arguments it gives the machine
// that is there (API reference: CreateStateMachine is idempotent; roleArn and tags are not compared). version is nil
// unless one was published.
func (s *Service) CreateMachine(sc Scope, in MachineInput) (m *Machine, version *Version, err error) {
	const op = "workflows.CreateMachine"
	if err := checkName(op, in.Name); err != nil {
		return nil, nil, err
	}
	if in.Type == "" {
		in.Type = Standard
	}
	if in.VersionDescription != "" && !in.Publish {
		return nil, nil, descriptionWithoutPublish(op)
	}
	logging, err := s.checkLogging(op, in.Logging)
	if err != nil {
		return nil, nil, err
	}
	compiled, err := s.parse(op, in.Definition, in.Type)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	m = &Machine{Scope: sc, Name: in.Name, ARN: resource(sc, "stateMachine", in.Name), Created: now, Tags: in.Tags}
	m.Revision = Revision{MachineARN: m.ARN, Type: in.Type, Definition: in.Definition, RoleARN: in.RoleARN, Updated: now,
		Logging: logging, Tracing: in.Tracing, Encryption: in.Encryption}
	m.Revision.Key = revisionKey(m.ARN, now)

	s.change.Lock()
	defer s.change.Unlock()
	if old, ok := s.machine(m.ARN); ok {
		if !old.sameAs(m) {
			return nil, nil, &fault.Error{Kind: fault.Exists, Op: op, Noun: "state machine", Name: m.ARN,
				Detail: "State Machine Already Exists: '" + m.ARN + "'"}
		}
		if in.Publish {
			version, err = s.publishLocked(op, old, in.VersionDescription)
		}
		return old, version, err
	}
	writes := []store.Write{s.revisionDocs.Write(m.Revision.Key, m.Revision)}
	if in.Publish {
		version, m = nextVersion(m, in.VersionDescription)
		writes = append(writes, s.versionDocs.Write(version.ARN(), *version))
	}
	if err := s.c.Store.Commit(append(writes, s.machineDocs.Write(m.ARN, *m))...); err != nil {
		return nil, nil, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.machines[m.ARN] = m
	s.mu.compiled[m.Revision.Key] = compiled
	if version != nil {
		s.mu.versions[m.ARN] = append(s.mu.versions[m.ARN], version)
	}
	return m, version, nil
}

// sameAs is what AWS's idempotency check of CreateStateMachine compares.
func (m *Machine) sameAs(o *Machine) bool {
	return m.Definition == o.Definition && m.Type == o.Type && m.Tracing == o.Tracing &&
		m.Logging.Level == o.Logging.Level && m.Logging.IncludeExecutionData == o.Logging.IncludeExecutionData &&
		slices.Equal(m.Logging.Groups, o.Logging.Groups)
}

// revisionKey sorts the revisions of a machine by time.
func revisionKey(machineARN string, at time.Time) string {
	return machineARN + "/" + at.UTC().Format("20060102T150405.000000000")
}

// parse compiles a definition or gives all its problems. A task that nobody here can do is one of them.
func (s *Service) parse(op, definition string, t Type) (*asl.Machine, error) {
	m, problems := asl.Parse(definition, asl.Options{Express: t == Express})
	problems = append(problems, s.unserved(m)...)
	if m == nil || len(problems.Errors()) > 0 {
		return nil, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "definition", Detail: problems.String()}
	}
	return m, nil
}

// unserved is what a definition asks for and nobody here does. m may be nil.
func (s *Service) unserved(m *asl.Machine) (problems asl.Problems) {
	if m == nil {
		return nil
	}
	refuse := func(location, message string) {
		problems = append(problems, asl.Problem{Code: asl.SchemaValidationFailed, Location: location, Message: message})
	}
	for _, st := range m.All() {
		if st.Task != nil && st.Task.Resource.Type() == "http" && s.c.Integrations["http"] == nil {
			refuse(st.Path+"/Resource", "This platform has no EventBridge connections, and so does not do "+st.Task.Resource.ARN)
		}
		if st.Map != nil && st.Map.Reader != nil && st.Map.Reader.Config.Get("InputType").Text() == "PARQUET" {
			refuse(st.Path+"/ItemReader/ReaderConfig/InputType", "This platform reads no Parquet files")
		}
	}
	return problems
}

// checkLogging fills in what is absent and refuses what AWS refuses.
func (s *Service) checkLogging(op string, l *Logging) (Logging, error) {
	if l == nil {
		return Logging{Level: "OFF"}, nil
	}
	out := *l
	if out.Level == "" {
		out.Level = "OFF"
	}
	invalid := func(detail string) (Logging, error) {
		return Logging{}, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "logging", Detail: "Invalid Logging Configuration: " + detail}
	}
	if out.Level != "OFF" && len(out.Groups) == 0 {
		return invalid("Must specify exactly one Log Destination.")
	}
	if len(out.Groups) > 1 {
		return invalid("Must specify exactly one Log Destination.")
	}
	for _, g := range out.Groups {
		if !s.hasLogGroup(g) {
			return invalid("Log Destination not found.")
		}
	}
	return out, nil
}

// MachineUpdate is what UpdateStateMachine is given; nil and empty fields leave what is there.
type MachineUpdate struct {
	Definition         string
	RoleARN            string
	Logging            *Logging
	Tracing            *bool
	Encryption         *Encryption
	Publish            bool
	VersionDescription string
}

// UpdateMachine replaces the machine's revision. Executions that run keep theirs.
func (s *Service) UpdateMachine(machineARN string, in MachineUpdate) (m *Machine, version *Version, err error) {
	const op = "workflows.UpdateMachine"
	if in.VersionDescription != "" && !in.Publish {
		return nil, nil, descriptionWithoutPublish(op)
	}
	s.change.Lock()
	defer s.change.Unlock()
	old, ok := s.machine(machineARN)
	if !ok {
		return nil, nil, noMachine(op, machineARN)
	}
	next := *old
	r := &next.Revision
	if in.Definition != "" {
		r.Definition = in.Definition
	}
	if in.RoleARN != "" {
		r.RoleARN = in.RoleARN
	}
	if in.Logging != nil {
		if r.Logging, err = s.checkLogging(op, in.Logging); err != nil {
			return nil, nil, err
		}
	}
	if in.Tracing != nil {
		r.Tracing = *in.Tracing
	}
	if in.Encryption != nil {
		r.Encryption = in.Encryption
	}
	compiled, err := s.parse(op, r.Definition, r.Type)
	if err != nil {
		return nil, nil, err
	}
	// Only a change of the definition or the role makes a new revision id; updating to what is there makes none.
	if r.Definition != old.Definition || r.RoleARN != old.RoleARN {
		r.ID = uuid.New()
	}
	r.Updated = time.Now()
	r.Key = revisionKey(old.ARN, r.Updated)
	m = &next
	writes := []store.Write{s.revisionDocs.Write(r.Key, *r)}
	fresh := false
	if in.Publish {
		if version = s.versionOf(m); version == nil {
			fresh = true
			version, m = nextVersion(m, in.VersionDescription)
			writes = append(writes, s.versionDocs.Write(version.ARN(), *version))
		}
	}
	if err := s.c.Store.Commit(append(writes, s.machineDocs.Write(m.ARN, *m))...); err != nil {
		return nil, nil, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.machines[m.ARN] = m
	s.mu.compiled[r.Key] = compiled
	if fresh {
		s.mu.versions[m.ARN] = append(slices.Clip(s.mu.versions[m.ARN]), version)
	}
	return m, version, nil
}

// Machine finds a state machine by its own ARN.
func (s *Service) Machine(machineARN string) (*Machine, error) {
	m, ok := s.machine(machineARN)
	if !ok {
		return nil, noMachine("workflows.Machine", machineARN)
	}
	return m, nil
}

func (s *Service) machine(machineARN string) (*Machine, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	m, ok := s.mu.machines[machineARN]
	return m, ok
}

// Machines lists the state machines of a scope, by name.
func (s *Service) Machines(sc Scope) []*Machine {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*Machine
	for _, m := range s.mu.machines {
		if m.Scope == sc {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b *Machine) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// DeleteMachine forgets a state machine with its versions and aliases; executions that run go on. A machine that does
// not exist is deleted already.
func (s *Service) DeleteMachine(machineARN string) error {
	s.change.Lock()
	defer s.change.Unlock()
	writes := []store.Write{s.machineDocs.Remove(machineARN)}
	s.mu.RLock()
	for _, v := range s.mu.versions[machineARN] {
		writes = append(writes, s.versionDocs.Remove(v.ARN()))
	}
	var aliases []string
	for a, alias := range s.mu.aliases {
		if alias.MachineARN == machineARN {
			aliases = append(aliases, a)
			writes = append(writes, s.aliasDocs.Remove(a))
		}
	}
	s.mu.RUnlock()
	if err := s.c.Store.Commit(writes...); err != nil {
		return fault.In("workflows.DeleteMachine", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.machines, machineARN)
	delete(s.mu.versions, machineARN)
	for _, a := range aliases {
		delete(s.mu.aliases, a)
	}
	return nil
}

// Target is what an ARN given to StartExecution or DescribeStateMachine stands for.
type Target struct {
	Machine  *Machine
	Revision *Revision
	Version  *Version // nil unless the ARN names a version, or an alias that led to one
	Alias    *Alias   // nil unless the ARN names an alias
	Label    string   // of the distributed Map, when the ARN names its child machine
}

// Resolve finds what a state machine, version or alias ARN stands for. Of an alias with two versions it draws one.
func (s *Service) Resolve(target string) (*Target, error) {
	const op = "workflows.Resolve"
	a, err := parseARN(op, target, "stateMachine")
	if err != nil {
		return nil, err
	}
	parts := a.Split()
	machineARN := resource(Scope{a.Account, a.Region}, "stateMachine", parts[1])
	t := &Target{}
	s.mu.RLock()
	defer s.mu.RUnlock()
	m := s.mu.machines[machineARN]
	if m == nil {
		return nil, noMachine(op, target)
	}
	t.Machine, t.Revision = m, &m.Revision
	if len(parts) == 2 {
		return t, nil
	}
	if alias := s.mu.aliases[target]; alias != nil {
		t.Alias = alias
		target = alias.draw()
	}
	for _, v := range s.mu.versions[machineARN] {
		if v.ARN() == target {
			t.Version, t.Revision = v, &v.Revision
			return t, nil
		}
	}
	return nil, noMachine(op, target)
}

// parseARN takes apart an ARN of Step Functions and checks the kind of its resource.
func parseARN(op, text string, kinds ...string) (arn.ARN, error) {
	invalid := func(detail string) (arn.ARN, error) {
		return arn.ARN{}, &fault.Error{Kind: fault.Invalid, Op: op, Noun: "arn", Name: text, Detail: "Invalid Arn: '" + detail + "'"}
	}
	if !arn.Is(text) {
		return invalid("Invalid ARN prefix: " + text)
	}
	a, err := arn.Parse(text)
	if err != nil || a.Service != "states" {
		return invalid(text)
	}
	parts := a.Split()
	if !slices.Contains(kinds, parts[0]) {
		return invalid("Resource type not valid in this context: " + parts[0])
	}
	if len(parts) < 2 || parts[1] == "" {
		return invalid(text)
	}
	return a, nil
}

func noMachine(op, name string) error {
	return &fault.Error{Kind: fault.NotFound, Op: op, Noun: "state machine", Name: name, Detail: "State Machine Does Not Exist: '" + name + "'"}
}

func descriptionWithoutPublish(op string) error {
	return &fault.Error{Kind: fault.Invalid, Op: op, Noun: "request", Detail: "Version description can only be set when publish is true"}
}

// Variables lists, for each state that mentions any, the workflow variables it mentions.
func (s *Service) Variables(r *Revision) []asl.StateVariables {
	m, err := s.compile(r)
	if err != nil {
		return nil
	}
	return m.VariableReferences()
}

// RevisionOf gives an execution with the revision that it runs.
func (s *Service) RevisionOf(executionARN string) (*Execution, *Revision, error) {
	const op = "workflows.RevisionOf"
	e, err := s.Get(executionARN)
	if err != nil {
		return nil, nil, err
	}
	r, ok, err := s.revisionDocs.Get(e.RevisionKey)
	if err != nil {
		return nil, nil, fault.In(op, err)
	}
	if !ok {
		return nil, nil, noMachine(op, e.MachineARN)
	}
	return e, &r, nil
}

// LabelOf is the label of the distributed Map whose child e is; "" for other executions.
func LabelOf(e *Execution) string {
	_, label, _ := strings.Cut(e.MachineARN, "/")
	return label
}
