package confine

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"unsafe"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// refused are the system calls that no function may make, whatever its arguments. They reach what is not the function's:
// mounts and roots, the keyring, other processes' memory, the kernel's own code and clock, and interfaces whose bugs have
// been ways out of containers (bpf, io_uring, userfaultfd, perf). Most need powers that functions lack anyway; the filter
// is there for the day when one does not.
var refused = [...]string{
	"acct", "add_key", "adjtimex", "afs_syscall", "bpf", "chroot", "clock_adjtime", "clock_settime", "create_module", "delete_module", "fanotify_init",
	"finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "init_module", "io_uring_enter", "io_uring_register",
	"io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mount", "mount_setattr",
	"move_mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd",
	"pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "query_module", "quotactl", "quotactl_fd", "reboot",
	"request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon", "_sysctl", "sysfs", "syslog",
	"umount", "umount2", "userfaultfd", "uselib", "ustat", "vhangup",
}

// newNamespaces are the flags of clone and unshare that make namespaces.
const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// fails makes a system call fail with an error number.
func fails(n unix.Errno) seccomp.Action { return seccomp.Action(0x00050000 | uint32(n)) }

// Filter is the program of refused system calls for this machine, as the kernel takes it: struct sock_filter after
// struct sock_filter. A refused call fails with EPERM; one that C libraries can do without fails as if the kernel had
// never had it.
func Filter() ([]byte, error) {
	info, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("no system call filter for %s: %w", runtime.GOARCH, err)
	}
	always := seccomp.SyscallGroup{Action: fails(unix.EPERM)}
	for _, name := range refused {
		if _, has := info.SyscallNames[name]; has {
			always.Names = append(always.Names, name)
		}
	}
	all := func(c ...seccomp.Condition) seccomp.ArgumentConditions { return c }
	is := func(arg uint32, op seccomp.Operation, v uint64) seccomp.Condition {
		return seccomp.Condition{Argument: arg, Operation: op, Value: v}
	}
	always.NamesWithCondtions = []seccomp.NameWithConditions{
		{Name: "clone", Conditions: all(is(0, seccomp.BitsSet, newNamespaces))},
		{Name: "unshare", Conditions: all(is(0, seccomp.BitsSet, newNamespaces|unix.CLONE_NEWTIME))},
		{Name: "personality", Conditions: all(is(0, seccomp.NotEqual, 0), is(0, seccomp.NotEqual, 0x20000), is(0, seccomp.NotEqual, 0xffffffff))},
	}
	// Of families only those that programs talk to the world with; of netlink only what getaddrinfo asks.
	families := seccomp.SyscallGroup{Action: fails(unix.EAFNOSUPPORT), NamesWithCondtions: []seccomp.NameWithConditions{
		{Name: "socket", Conditions: all(is(0, seccomp.NotEqual, unix.AF_UNIX), is(0, seccomp.NotEqual, unix.AF_INET),
			is(0, seccomp.NotEqual, unix.AF_INET6), is(0, seccomp.NotEqual, unix.AF_NETLINK))},
		{Name: "socket", Conditions: all(is(0, seccomp.Equal, unix.AF_NETLINK), is(2, seccomp.NotEqual, unix.NETLINK_ROUTE))},
	}}
	// clone3's flags lie in memory, which a filter cannot see; C libraries then use clone.
	absent := seccomp.SyscallGroup{Action: fails(unix.ENOSYS), Names: []string{"clone3"}}
	policy := seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{always, families, absent}}
	code, err := policy.Assemble()
	if err != nil {
		return nil, fmt.Errorf("system call filter: %w", err)
	}
	// Another architecture's calls (32-bit ones on x86-64) have other numbers: none is allowed.
	b := raw(nil, unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0, 0, 4)
	b = raw(b, unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, 1, 0, uint32(info.ID))
	b = raw(b, unix.BPF_RET|unix.BPF_K, 0, 0, uint32(fails(unix.ENOSYS)))
	for _, i := range code {
		r, err := i.Assemble()
		if err != nil {
			return nil, fmt.Errorf("system call filter: %w", err)
		}
		b = raw(b, r.Op, r.Jt, r.Jf, r.K)
	}
	return b, nil
}

// raw adds one struct sock_filter.
func raw(b []byte, op uint16, jt, jf uint8, k uint32) []byte {
	b = binary.NativeEndian.AppendUint16(b, op)
	return binary.NativeEndian.AppendUint32(append(b, jt, jf), k)
}

// Calls puts a filter on the calling thread, which the caller has locked, and on what it forks and executes. It can gain
// no privileges any more.
func Calls(filter []byte) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if len(filter) < 8 {
		return fmt.Errorf("no system call filter")
	}
	program := unix.SockFprog{Len: uint16(len(filter) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("system call filter: %w", err)
	}
	return nil
}
