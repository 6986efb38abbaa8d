package confine

import (
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Reach is what a process may still get at. What does not exist is left out.
type Reach struct {
	Read  []string // files and directories that may be read and executed
	Write []string // directories that may be written, too, and files that exist
}

// Landlock closes every other file to this process and what it starts, and signals and abstract sockets to what is
// outside. Older kernels close less; ones without Landlock nothing. The processes outside cannot be traced either, and so
// neither their memory nor their environment be read.
func Landlock(r Reach) error {
	var rules []landlock.Rule
	for _, list := range []struct {
		names       []string
		dirs, files func(...string) landlock.FSRule
	}{{r.Read, landlock.RODirs, landlock.ROFiles}, {r.Write, landlock.RWDirs, landlock.RWFiles}} {
		for _, name := range list.names {
			info, err := os.Stat(name)
			switch {
			case err != nil:
			case info.IsDir():
				rules = append(rules, list.dirs(name))
			default:
				rules = append(rules, list.files(name))
			}
		}
	}
	// Version 6 is the newest whose every restriction is meant here; the network stays open.
	if err := landlock.V6.BestEffort().RestrictPaths(rules...); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	if err := landlock.V6.BestEffort().RestrictScoped(); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

// LandlockVersion is the kernel's, 0 when it has none or it is switched off.
func LandlockVersion() int {
	v, err := landlocksys.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return v
}
