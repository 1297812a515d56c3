package state

import (
	"fmt"
	"testing"
	"time"
)

func TestAuditIsFiltered(t *testing.T) {
	s := newHome(t).open(t, Created)
	start := time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	for i, e := range []AuditEntry{
		{Actor: "ann", Action: "disable", Target: "a"},
		{Actor: "bob", Action: "enable", Target: "a"},
		{Actor: "ann", Action: "upload", Target: "b"},
		{Actor: "ann", Action: "disable", Target: "b"},
		{Actor: "' OR 1=1 --", Action: "disable", Target: "a"},
	} {
		e.Time = at(i)
		s.mustChange(t, Change{Audit: []AuditEntry{e}})
	}
	for _, c := range []struct {
		name   string
		filter AuditFilter
		want   string // minutes, newest first
	}{
		{"everything", AuditFilter{}, "[4 3 2 1 0]"},
		{"one actor", AuditFilter{Actor: "ann"}, "[3 2 0]"},
		{"letter by letter", AuditFilter{Actor: "Ann"}, "[]"},
		{"an actor that is SQL", AuditFilter{Actor: "' OR 1=1 --"}, "[4]"},
		{"one action of one actor", AuditFilter{Actor: "ann", Action: "disable"}, "[3 0]"},
		{"a target", AuditFilter{Target: "b"}, "[3 2]"},
		{"from a time on", AuditFilter{From: at(3)}, "[4 3]"},
		{"until a time, which is out", AuditFilter{Until: at(2)}, "[1 0]"},
		{"all at once", AuditFilter{Actor: "ann", Action: "upload", Target: "b", From: at(2), Until: at(3)}, "[2]"},
		{"nothing", AuditFilter{Actor: "nobody"}, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			minutes := []int{}
			cursor := ""
			for {
				page, next, err := s.FindAudit(t.Context(), c.filter, cursor, 1)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page {
					minutes = append(minutes, int(e.Time.Sub(start)/time.Minute))
				}
				if cursor = next; cursor == "" {
					break
				}
			}
			if got := fmt.Sprint(minutes); got != c.want {
				t.Errorf("minutes %s, want %s", got, c.want)
			}
		})
	}
}
