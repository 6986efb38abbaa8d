package lab

import (
	"strings"
	"testing"
)

func TestDesigns(t *testing.T) {
	all := ColdConfig{PackagesMB: []int{5, 5, 10}, MemoriesMB: []int{128, 512}, Runtimes: []string{"python3.11", "python3.13", "nodejs22.x"}, Policies: []string{ordinary, plain, keepWarm}, Bursts: []int{1, 5}}
	for _, c := range []struct {
		name, design string
		change       func(*ColdConfig)
		cells        int // 0: refused
	}{
		{"each by itself", OneAtATime, func(*ColdConfig) {}, 1 + 2 + 1 + 1 + 2 + 1},
		{"every combination", Full, func(*ColdConfig) {}, 3 * 2 * 2 * 3 * 2},
		{"nothing to vary", Full, func(c *ColdConfig) { *c = ColdConfig{} }, 1},
		{"too many", Full, func(c *ColdConfig) { c.Bursts = []int{2, 3, 4, 5, 6} }, 0},
	} {
		config := all
		c.change(&config)
		config.Design = c.design
		x := &experiment{ColdConfig: config, own: functionSettings{Runtime: "python3.11", MemorySize: 128}}
		cells, err := x.design()
		if c.cells == 0 {
			if err == nil || !strings.Contains(err.Error(), "--design") {
				t.Errorf("%s: %d cells, %v", c.name, len(cells), err)
			}
			continue
		}
		seen := map[setting]bool{}
		for _, s := range cells {
			seen[s] = true
		}
		if err != nil || len(cells) != c.cells || len(seen) != c.cells || cells[0] != x.baseSetting() {
			t.Errorf("%s: %d cells, %d of them different, want %d: %v", c.name, len(cells), len(seen), c.cells, err)
		}
		if c.name != "nothing to vary" && len(x.skipped) != 1 {
			t.Errorf("%s: a runtime of another language is not skipped: %v", c.name, x.skipped)
		}
	}
}
