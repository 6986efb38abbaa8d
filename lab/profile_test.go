package lab_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"anthill/lab"
	"anthill/latency"
)

// The profile that comes with Anthill is what the course's own files give.
func TestCourseProfileIsDerivedFromTheCoursesFiles(t *testing.T) {
	have, err := latency.ReadProfile("aws-course")
	if err != nil {
		t.Fatal(err)
	}
	p, err := lab.MakeProfile(lab.ProfileConfig{Name: have.Name, Source: have.Source, Command: have.Command, Locust: "../loadtest/testdata/aws-run",
		Histories: []string{"../latency/testdata/aws-chain.json", "../latency/testdata/aws-parallel.json"}})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.MarshalIndent(p, "", "  ")
	want, err := os.ReadFile("../latency/profiles/aws-course.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("the files give another profile; make it anew with\n%s\n%s", have.Command, got)
	}
	if p.Transition.At(0) != 23*time.Millisecond || p.Transition.At(1) != 27*time.Millisecond || p.Transition.At(.5) != 25*time.Millisecond || p.FanOut.At(.3) != 102*time.Millisecond {
		t.Errorf("transitions %v, fan-out %v; the course has 23 and 27 ms, and 102 ms", p.Transition.Values, p.FanOut.Values)
	}
}

func TestProfilesOfNothingAreRefused(t *testing.T) {
	for _, c := range []lab.ProfileConfig{{}, {Name: "n", Source: "s"}, {Name: "n", Source: "s", Locust: t.TempDir()}, {Name: "n", Source: "s", Histories: []string{"none.json"}}} {
		if p, err := lab.MakeProfile(c); err == nil {
			t.Errorf("%+v gives %+v", c, p)
		}
	}
}
