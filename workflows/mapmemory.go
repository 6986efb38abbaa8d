package workflows

import (
	"github.com/go-json-experiment/json"

	"anthill/fault"
	"anthill/history"
	"anthill/value"
)

// rememberedChild is the record of an Express child's end in its map run's stream: Express executions have no document, and
// those that succeeded are not run again when the map run is taken up or redriven.
type rememberedChild struct {
	Index int
	childResult
	Output string `json:",omitempty"` // JSON
}

func (m *mapRun) stream() history.Stream { return mapRunStream(m.effect.ARN) }

func mapRunStream(mapRunARN string) history.Stream { return history.Stream("maprun/" + mapRunARN) }

// remember writes how child i ended. It is not flushed by itself: a child whose record is lost is run again, as Express
// executions may be.
func (m *mapRun) remember(i int) {
	r := rememberedChild{Index: i, childResult: m.results[i]}
	if !r.childResult.Output.IsAbsent() {
		r.Output = r.childResult.Output.String()
	}
	r.childResult.Output = value.Value{}
	b, err := json.Marshal(r)
	if err == nil {
		s := m.parent.s
		_, err = s.c.History.Append(s.ctx, m.stream(), history.Behind, [][]byte{b})
	}
	if err != nil {
		m.parent.s.log.Warn("the end of a child execution cannot be kept", "mapRun", m.effect.ARN, "index", i, "error", err)
	}
}

// recall finds the results of Express children. Of a redriven map run only those that succeeded before stand.
func (m *mapRun) recall() error {
	if !m.effect.State.Map.Express {
		return nil
	}
	for rec, err := range m.parent.s.c.History.Read(m.stream(), 1) {
		if err != nil {
			return err
		}
		var r rememberedChild
		if err := json.Unmarshal(rec.Data, &r); err != nil {
			return &fault.Error{Kind: fault.Internal, Op: "workflows.recall", Noun: "map run", Name: m.effect.ARN, Reason: "damaged", Err: err}
		}
		if r.Index >= len(m.results) || r.Status != Succeeded && r.Generation < m.mu.doc.Redrives {
			continue
		}
		if r.Output != "" {
			if r.childResult.Output, err = value.Parse(r.Output); err != nil {
				return err
			}
		}
		m.results[r.Index] = r.childResult
	}
	return nil
}
