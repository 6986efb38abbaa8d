package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGapsAreBetweenHandlers(t *testing.T) {
	got, err := gaps(`{"s":[[100,150],[175,180],[1000,1001]]}`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{25, 820}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := gaps("no JSON"); err == nil {
		t.Error("an output that is no JSON gave gaps")
	}
}

func TestLastEnteredIsOverAllBranches(t *testing.T) {
	got, err := lastEntered(`[{"s":[[5,6]]},{"s":[[9,10]]},{"s":[[7,20]]}]`)
	if err != nil || got != 9 {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestSettleTakesMediansOfRounds(t *testing.T) {
	f := Figure{Rounds: []Reading{{Value: 3, Floor: 1, P99: 9}, {Value: 1, Floor: 1, P99: 8}, {Value: 8, Floor: 2, P99: 20}}}
	f.settle()
	if f.Value != 3 || f.Low != 1 || f.High != 8 || f.Base != 1 || f.Ratio != 3 || f.P99 != 9 {
		t.Errorf("got %+v", f)
	}
}

func TestTableSaysWhatWasNotMeasured(t *testing.T) {
	r := Result{Version: "v", Cores: 2, Load: "0.10", Figures: []Figure{
		{Key: "hop", Name: "hop between tasks", Unit: "ms", Floor: "a flush", Aim: "≤ 1", Rounds: []Reading{{Note: "noted"}}, Value: 0.5, Low: 0.4, High: 0.6, Base: 0.25, Ratio: 2},
		{Key: "gone", Aim: "shown", Failed: "no disk"},
	}}
	var b strings.Builder
	if err := r.Table().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hop", "0.50", "0.40–0.60", "2.00", "hop: hop between tasks; floor: a flush (noted)", "gone: not measured: no disk"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestOnlyNamesFiguresByTheirBeginning(t *testing.T) {
	var keys []string
	for _, m := range chosen([]string{"hop", "idle-cpu"}) {
		keys = append(keys, m.Key)
	}
	if diff := cmp.Diff([]string{"hop-standard", "hop-express", "idle-cpu"}, keys); diff != "" {
		t.Error(diff)
	}
}

// A group commit that lost a writer, or let one go before its flush, would count wrongly or hang.
func TestGroupCommitServesEveryWriter(t *testing.T) {
	f, err := openFlushFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	rate, err := groupCommits(f, 8, 20*time.Millisecond)
	if err != nil || rate <= 0 {
		t.Errorf("%v commits per second, %v", rate, err)
	}
}

func TestMeanPSSIsOfProcessesThatAreThere(t *testing.T) {
	r, err := meanPSS("test", []int{os.Getpid(), 1 << 30})
	if err != nil || r.N != 1 || r.Value <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := meanPSS("test", []int{1 << 30}); err == nil {
		t.Error("memory of nothing was measured")
	}
}
