package workflows

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"anthill/fault"
)

// Version is a published, numbered revision of a state machine. It never changes.
type Version struct {
	Number      int // from 1; numbers of deleted versions are not used again
	Description string
	Created     time.Time
	Revision
}

// ARN is the machine's ARN with the version's number.
func (v *Version) ARN() string { return v.MachineARN + ":" + strconv.Itoa(v.Number) }

// nextVersion makes a version of m's revision, and m with its new count.
func nextVersion(m *Machine, description string) (*Version, *Machine) {
	next := *m
	next.LastVersion++
	return &Version{Number: next.LastVersion, Description: description, Created: time.Now(), Revision: m.Revision}, &next
}

// PublishVersion makes a version of the machine's revision, or gives the one that was made of it before. A revision that
// is not the current one is refused when it is given.
func (s *Service) PublishVersion(machineARN, description, revision string) (*Version, error) {
	const op = "workflows.PublishVersion"
	if _, err := parseARN(op, machineARN, "stateMachine"); err != nil {
		return nil, err
	}
	s.change.Lock()
	defer s.change.Unlock()
	m, ok := s.machine(machineARN)
	if !ok {
		return nil, noMachine(op, machineARN)
	}
	if revision != "" && revision != m.revisionName() {
		return nil, &fault.Error{Kind: fault.Conflict, Op: op, Noun: "state machine", Name: machineARN,
			Detail: "Failed to publish the State Machine version for revision " + revision +
				". The current State Machine revision is " + m.revisionName() + "."}
	}
	return s.publishLocked(op, m, description)
}

// revisionName is the revision's id, or AWS's word for the first one.
func (r *Revision) revisionName() string {
	if r.ID == "" {
		return "INITIAL"
	}
	return r.ID
}

// publishLocked publishes m's revision. s.change must be held.
func (s *Service) publishLocked(op string, m *Machine, description string) (*Version, error) {
	if v := s.versionOf(m); v != nil {
		return v, nil
	}
	v, next := nextVersion(m, description)
	if err := s.c.Store.Commit(s.versionDocs.Write(v.ARN(), *v), s.machineDocs.Write(m.ARN, *next)); err != nil {
		return nil, fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.machines[m.ARN] = next
	s.mu.versions[m.ARN] = append(slices.Clip(s.mu.versions[m.ARN]), v)
	return v, nil
}

// versionOf finds the version that was made of m's revision; nil for none.
func (s *Service) versionOf(m *Machine) *Version {
	for _, v := range s.Versions(m.ARN) {
		if v.Revision.ID == m.Revision.ID {
			return v
		}
	}
	return nil
}

// Versions lists the versions of a machine, newest first.
func (s *Service) Versions(machineARN string) []*Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := slices.Clone(s.mu.versions[machineARN])
	slices.SortFunc(out, func(a, b *Version) int { return b.Number - a.Number })
	return out
}

// DeleteVersion forgets a version, unless an alias leads to it. One that does not exist is deleted already.
func (s *Service) DeleteVersion(versionARN string) error {
	const op = "workflows.DeleteVersion"
	a, err := parseARN(op, versionARN, "stateMachine")
	if err != nil {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	parts := a.Split()
	machineARN := resource(Scope{a.Account, a.Region}, "stateMachine", parts[1])
	var names []string
	for _, alias := range s.Aliases(machineARN) {
		if slices.ContainsFunc(alias.Routes, func(r Route) bool { return r.VersionARN == versionARN }) {
			names = append(names, alias.Name)
		}
	}
	if len(names) > 0 {
		return &fault.Error{Kind: fault.Conflict, Op: op, Noun: "version", Name: versionARN,
			Detail: "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [" + strings.Join(names, ", ") + "]"}
	}
	if err := s.versionDocs.Delete(versionARN); err != nil {
		return fault.In(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.versions[machineARN] = slices.DeleteFunc(slices.Clone(s.mu.versions[machineARN]), func(v *Version) bool { return v.ARN() == versionARN })
	return nil
}
