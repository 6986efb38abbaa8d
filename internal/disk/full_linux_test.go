package disk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"anthill/fault"
	"anthill/internal/disk"
)

// A real disk of 64 MiB fills up: commits are refused before Pebble meets the end, nothing that was acknowledged is lost,
// and they are taken again when there is room.
func TestARealDiskFillsUp(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	for _, reserve := range []int64{16 << 20, -1} { // with an eye on the room, and against the wall
		t.Run(fmt.Sprint("reserve=", reserve), func(t *testing.T) {
			data, ballast := filepath.Join(dir, fmt.Sprint("data", reserve)), filepath.Join(dir, "ballast")
			db, err := disk.Open(data, disk.Options{Reserve: reserve})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(ballast, make([]byte, 20<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			acked := fillUntilFailure(t, db, 64<<10)
			if len(acked) == 0 {
				t.Fatal("nothing was ever acknowledged")
			}
			there(t, db, acked)
			os.Remove(ballast)
			if reserve < 0 { // the log met the end of the disk: only opening anew says what it holds
				db.Close()
				if db, err = disk.Open(data, disk.Options{Reserve: reserve}); err != nil {
					t.Fatal(err)
				}
			}
			commitWhenThereIsRoom(t, db)
			there(t, db, append(acked, "tafter"))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			os.RemoveAll(data)
		})
	}
}

func commitWhenThereIsRoom(t *testing.T, db *disk.DB) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := db.Commit(disk.Write{Key: []byte("tafter"), Value: []byte("v")})
		if err == nil {
			return
		}
		if !fault.Is(err, fault.Full) || time.Now().After(end) {
			t.Fatalf("there is room again: %v", err)
		}
	}
}
