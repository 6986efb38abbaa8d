package process

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Environments leave their directories to later ones. A filesystem takes its time to make files where others have just been
// removed: ext4 leaves the numbers of files alone for minutes, and looks for others.

// maxPlaces is how many directories are kept.
const maxPlaces = 128

func (d *Driver) placesDir() string { return filepath.Join(d.c.Dir, "places") }

// place makes dir.
func (d *Driver) place(dir string) error {
	d.mu.Lock()
	n := len(d.mu.places)
	if n == 0 {
		d.mu.Unlock()
		return os.Mkdir(dir, 0o711)
	}
	from := d.mu.places[n-1]
	d.mu.places = d.mu.places[:n-1]
	d.mu.Unlock()
	if err := os.Rename(from, dir); err != nil {
		return os.Mkdir(dir, 0o711)
	}
	return nil
}

// leave removes dir, or empties it and keeps it. Nobody may use it any more.
func (d *Driver) leave(dir string) error {
	d.mu.Lock()
	full := len(d.mu.places) >= maxPlaces || d.mu.closed
	d.mu.n++
	to := filepath.Join(d.placesDir(), strconv.Itoa(d.mu.n))
	d.mu.Unlock()
	_ = os.Remove(filepath.Join(dir, "log.read")) // most have none
	if full || !onlyPlaceFiles(dir) {
		return os.RemoveAll(dir)
	}
	for _, name := range placeFiles() {
		if err := os.Truncate(filepath.Join(dir, name), 0); err != nil && !os.IsNotExist(err) {
			return os.RemoveAll(dir)
		}
	}
	if err := os.Rename(dir, to); err != nil {
		return os.RemoveAll(dir)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.places = append(d.mu.places, to)
	return nil
}

// placeFiles are what a directory that is kept holds, empty.
func placeFiles() []string { return []string{"spec.json", "log", "state"} }

// onlyPlaceFiles reports whether dir holds nothing else.
func onlyPlaceFiles(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(placeFiles(), e.Name()) || !e.Type().IsRegular() })
}
