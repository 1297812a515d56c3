package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// figure is a line of the table.
type figure struct {
	Scenario string `json:"scenario"`
	What     string `json:"what"`
	Measured string `json:"measured"`
	Must     string `json:"must"`
	Holds    bool   `json:"holds"`
}

// report is what the program found.
type report struct {
	Seed    uint64    `json:"seed"`
	Mode    string    `json:"mode"`
	Host    string    `json:"host"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Notes   []string  `json:"notes"`
	Figures []figure  `json:"figures"`

	mu sync.Mutex // scenarios may be played at once
}

func (r *report) add(f figure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.Figures, func(g figure) bool { return g.Scenario == f.Scenario && g.What == f.What })
	switch {
	case i < 0:
		r.Figures = append(r.Figures, f)
	case r.Figures[i].Holds:
		r.Figures[i] = f
	}
}

func (r *report) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// broken returns what does not hold, of one scenario or, for "", of all.
func (r *report) broken(name string) []figure {
	r.mu.Lock()
	defer r.mu.Unlock()
	var broken []figure
	for _, f := range r.Figures {
		if !f.Holds && (name == "" || f.Scenario == name) {
			broken = append(broken, f)
		}
	}
	return broken
}

// sort puts the lines of a scenario together, in the order of the scenarios.
func (r *report) sort() {
	place := map[string]int{}
	for i, s := range scenarios() {
		place[s.name] = i
	}
	slices.SortStableFunc(r.Figures, func(a, b figure) int { return place[a.Scenario] - place[b.Scenario] })
}

func (r *report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "scenario\twhat\tmeasured\tmust\tholds\n")
	for _, f := range r.Figures {
		holds := "yes"
		if !f.Holds {
			holds = "NO"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.Scenario, f.What, f.Measured, f.Must, holds)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(t, "note: %s\n", note)
	}
	return t.Flush()
}

func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
