package main

import "regexp"

// machine is a guest: a kernel with one command line, and the cases that are tried on it.
type machine struct {
	name    string // one word
	line    string // of the kernel, more than the usual
	systemd bool   // with systemd as the first process
	layouts []layout
}

func (m machine) matching(only *regexp.Regexp) (names []string) {
	for _, l := range m.layouts {
		if only.MatchString(m.name + ": " + l.name) {
			names = append(names, l.name)
		}
	}
	return names
}

// layout is one way in which machines lay out their control groups, and who runs the platform there.
type layout struct {
	name  string
	user  int    // 0 is root
	group string // where the platform is put, below top
	owned string // the group from which on all belongs to user; "" for none
	mark  bool   // it bears systemd's mark of delegation
	given string // controllers that groups give to the groups in them
	also  bool   // another process is in the group already
	ns    bool   // with a namespace of control groups of its own
	ro    bool   // and /sys/fs/cgroup read-only
	unit  string // what stands in the service's unit, where systemd makes the group
	scope bool   // systemd-run makes the group, called from one that is root's, as that of a session by SSH is

	full bool // the whole trial
	want given
}

// given is what a case must give, and doctor must say.
type given struct {
	Memory, Pids, CPU bool // limits by control groups
	NoNamespaces      bool
	NoLandlock        bool
}

const (
	everything = "memory pids cpu"
	manager    = "user.slice/user-1000.slice/user@1000.service"
	app        = manager + "/app.slice"
)

var limits = given{Memory: true, Pids: true, CPU: true}

// machines are all machines and cases.
var machines = [...]machine{
	{name: "groups", layouts: []layout{
		{name: "root, root group", full: true, want: limits},
		{name: "root, delegated service", group: "system.slice/trial.service", mark: true, given: everything, want: limits},
		{name: "root, service", group: "system.slice/trial.service", given: everything, want: limits},
		{name: "root, session", group: "user.slice/user-0.slice/session-1.scope", given: everything, also: true, want: limits},
		{name: "user, delegated scope", full: true, user: 1000, group: app + "/trial.scope", owned: manager, mark: true, given: everything, want: limits},
		{name: "user, terminal", user: 1000, group: app + "/terminal.scope", owned: manager, given: everything, also: true, want: limits},
		{name: "user, no cpu", user: 1000, group: app + "/trial.scope", owned: manager, mark: true, given: "memory pids", want: given{Memory: true, Pids: true}},
		{name: "user, pids only", user: 1000, group: app + "/trial.scope", owned: manager, mark: true, given: "pids", want: given{Pids: true}},
		{name: "user, a group of his own", user: 1000, group: "mine", owned: "mine", given: everything, also: true, want: limits},
		{name: "user, session", user: 1000, group: "user.slice/user-1000.slice/session-1.scope", given: everything, also: true},
		{name: "container", group: "docker/0123", given: everything, also: true, ns: true, want: limits},
		{name: "container, read-only", group: "docker/0123", given: everything, also: true, ns: true, ro: true},
	}},
	{name: "no-user-namespaces", line: "vm.sysctl=user.max_user_namespaces=0", layouts: []layout{
		{name: "root", want: given{Memory: true, Pids: true, CPU: true, NoNamespaces: true}},
		{name: "user", user: 1000, group: app + "/trial.scope", owned: manager, mark: true, given: everything, want: given{Memory: true, Pids: true, CPU: true, NoNamespaces: true}},
	}},
	{name: "no-unprivileged-user-namespaces", line: "vm.sysctl=kernel.unprivileged_userns_clone=0", layouts: []layout{
		{name: "root", want: limits},
		{name: "user", user: 1000, group: app + "/trial.scope", owned: manager, mark: true, given: everything, want: given{Memory: true, Pids: true, CPU: true, NoNamespaces: true}},
	}},
	{name: "no-landlock", line: "lsm=yama vm.sysctl=user.max_user_namespaces=0", layouts: []layout{
		{name: "user", user: 1000, want: given{NoNamespaces: true, NoLandlock: true}},
	}},
	{name: "systemd", systemd: true, layouts: []layout{
		{name: "service, Delegate=yes", unit: "Delegate=yes\n", want: limits},
		{name: "service", unit: "Delegate=no\n", want: limits},
		{name: "user's, Delegate=yes", user: 1000, unit: "Delegate=yes\n", want: limits},
		{name: "user's", user: 1000, unit: "Delegate=no\n", want: limits},
		{name: "user's scope, from root's group", user: 1000, scope: true, want: limits},
	}},
}
