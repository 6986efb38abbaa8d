package uuid_test

import (
	"regexp"
	"testing"

	"anthill/uuid"
)

func TestOf(t *testing.T) {
	for want, bits := range map[string][16]byte{
		"00000000-0000-4000-8000-000000000000": {},
		"ffffffff-ffff-4fff-bfff-ffffffffffff": {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
		"00010203-0405-4607-8809-0a0b0c0d0e0f": {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	} {
		if got := uuid.Of(bits); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNew(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	if a == b || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(a) {
		t.Error(a, b)
	}
}
