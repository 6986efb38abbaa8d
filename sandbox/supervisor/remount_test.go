package supervisor

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMountsAt(t *testing.T) {
	const info = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" +
		"22 21 8:2 / /new/usr ro,nosuid,nodev,noatime - ext4 /dev/sda2 rw\n" +
		`23 22 8:3 / /new/usr/a\040b rw,noexec - ext4 /dev/sda3 rw` + "\n" +
		"24 21 8:4 / /new/usr2 rw - ext4 /dev/sda4 rw\n"
	usr := mountedAt{"/new/usr", unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOATIME}
	inside := mountedAt{"/new/usr/a b", unix.MS_NOEXEC}
	for _, test := range []struct {
		target string
		all    bool
		want   []mountedAt
	}{
		{"/new/usr", false, []mountedAt{usr}},
		{"/new/usr", true, []mountedAt{usr, inside}},
		{"/", false, []mountedAt{{"/", unix.MS_RELATIME}}},
		{"/none", true, nil},
	} {
		if got := mountsAt(info, test.target, test.all); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %v: %v, want %v", test.target, test.all, got, test.want)
		}
	}
}
