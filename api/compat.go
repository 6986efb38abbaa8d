package api

import (
	"bufio"
	"fmt"
	"io"

	"anthill/api/protocol"
)

// Compatibility writes the body of docs/compatibility.md: for each service its notes, then every operation of its model,
// built or missing. notes is by Model.Name and may be nil.
func Compatibility(w io.Writer, notes map[string]string, services ...*protocol.Service) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "| service | operations built | of |\n| --- | ---: | ---: |\n")
	for _, s := range services {
		fmt.Fprintf(b, "| [%s](#%s) | %d | %d |\n", s.Model.FullName, s.Model.Name, built(s), len(s.Model.Operations))
	}
	for _, s := range services {
		fmt.Fprintf(b, "\n<a id=\"%s\"></a>\n## %s\n", s.Model.Name, s.Model.FullName)
		if n := notes[s.Model.Name]; n != "" {
			fmt.Fprintf(b, "\n%s\n", n)
		}
		list(b, "Built", s, true)
		list(b, "Missing: answered with 501", s, false)
	}
	return b.Flush()
}

func built(s *protocol.Service) (n int) {
	for _, h := range s.Serve {
		if h.Built() {
			n++
		}
	}
	return n
}

func list(w io.Writer, title string, s *protocol.Service, want bool) {
	sep := "\n" + title + ": "
	for i, h := range s.Serve {
		if h.Built() == want {
			fmt.Fprintf(w, "%s`%s`", sep, s.Model.Operations[i].Name)
			sep = ", "
		}
	}
	if sep == ", " {
		fmt.Fprint(w, ".\n")
	}
}
