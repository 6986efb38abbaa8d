package supervisor

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"anthill/sandbox/confine"
)

// Where the machine gives no namespaces, functions see its files and its processes. Landlock, which needs no powers, closes
// the files that are not theirs and the processes that they did not start; the machine's /tmp stays, shared by all.

// NoNamespaces is the environment variable that, when it is not empty, makes the supervisor do without namespaces.
const NoNamespaces = "ANTHILL_NO_NAMESPACES"

// confined is argv, to be run with nothing in reach but the machine's programs and the binds' files, and tmps to write in.
func confined(self string, binds []Bind, tmps string, argv []string) ([]string, error) {
	r := confine.Reach{Read: append([]string{"/proc", "/sys/fs/cgroup", "/sys/devices/system/cpu", "/dev"}, systemDirs[:]...),
		Write: []string{"/tmp", "/var/tmp", "/dev/null", "/dev/zero", "/dev/full", "/dev/shm", tmps}}
	for _, name := range append([]string{"passwd", "group"}, etcFiles[:]...) {
		r.Read = append(r.Read, "/etc/"+name)
	}
	for _, b := range binds {
		r.Read = append(r.Read, b.From)
	}
	b, err := json.Marshal(r)
	return append([]string{self, "supervisor", "--confine", string(b)}, argv...), err
}

// confineMain confines this process and becomes argv.
func confineMain(reach string, argv []string) int {
	var r confine.Reach
	err := json.Unmarshal([]byte(reach), &r)
	if err == nil {
		err = confine.Landlock(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "anthill:", err)
		return 1
	}
	err = syscall.Exec(argv[0], argv, os.Environ())
	fmt.Fprintf(os.Stderr, "anthill: %s: %v\n", argv[0], err)
	return 127
}
