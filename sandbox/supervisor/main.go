package supervisor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Main is the supervisor's program: the hidden command "supervisor --dir D". args are what follows the command's name.
// It returns the exit status.
func Main(args []string) int {
	if len(args) == 1 && args[0] == "--launch" {
		return launchMain()
	}
	if len(args) > 0 && args[0] == "--adapter" {
		return adapterMain(args[1:])
	}
	if len(args) > 2 && args[0] == "--confine" {
		return confineMain(args[1], args[2:])
	}
	flags := flag.NewFlagSet("supervisor", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of the control socket")
	patience := flags.Duration("patience", 5*time.Minute, "how long to live without a platform")
	own := flags.Bool("own-mounts", false, "it runs in a mount namespace of its own")
	if err := flags.Parse(args); err != nil || *dir == "" {
		return 2
	}
	if *own {
		// What is mounted outside later is seen inside; what is mounted inside stays inside.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
			fmt.Fprintln(os.Stderr, "no mounts of its own:", err)
			*own = false
		}
	}
	if err := run(*dir, *patience, *own); err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		return 1
	}
	return 0
}

func run(dir string, patience time.Duration, own bool) error {
	lock, err := os.OpenFile(filepath.Join(dir, "supervisor.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	for range 500 { // an earlier one may be about to end
		if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			break
		}
		if c, err := Dial(dir, func(string, Exit) {}); err == nil {
			return c.Close() // another one serves this directory
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	// Orphans of environments come to us, to be counted and ended.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	name, release, err := socketIn(dir)
	if err != nil {
		return err
	}
	defer release()
	_ = os.Remove(filepath.Join(dir, socketName)) // a dead one's; the lock says that no other is alive
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: name, Net: "unixpacket"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer os.Remove(filepath.Join(dir, socketName))
	defer l.Close()

	k := newKeeper(dir)
	k.ownMounts, k.mapped = own, inUserNamespace()
	defer k.close()
	k.wg.Go(k.reapChildren)
	k.wg.Go(k.spawner)
	k.wg.Go(k.watchResident)
	s := &server{k: k, dir: dir, patience: patience, quit: cancel}
	k.wg.Go(func() { s.watch(ctx) })
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
		if c == nil {
			s.disconnect()
			cancel()
			return err
		}
		s.connect(ctx, c)
	}
}

// inUserNamespace reports whether our user ids are an extract of the machine's.
func inUserNamespace() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295"
}
