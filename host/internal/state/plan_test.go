package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestPlansAreKept(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	save := func(id string, over bool, body string) {
		t.Helper()
		if err := s.SavePlan(t.Context(), id, over, []byte(body), 2); err != nil {
			t.Fatal(err)
		}
	}
	save("working", false, `{"n":0}`)
	for n := range 4 {
		save(fmt.Sprint("ended", n), true, fmt.Sprintf(`{"n":%d}`, n))
	}
	save("working", false, `{"n":"again"}`)
	decided := AuditEntry{Action: "start-plan", Target: "working", Actor: "ann"}
	if err := s.SavePlan(t.Context(), "working", false, []byte(`{"n":"again"}`), 2, decided); err != nil {
		t.Fatal(err)
	}
	if entries, _, err := s.FindAudit(t.Context(), AuditFilter{Target: "working"}, "", 10); err != nil || len(entries) != 1 || entries[0].Actor != "ann" || entries[0].Time.IsZero() {
		t.Errorf("the audit trail has %+v, %v", entries, err)
	}
	for _, bad := range []string{"", "{", `"` + strings.Repeat("x", maxPlan) + `"`} {
		if err := s.SavePlan(t.Context(), "bad", true, []byte(bad), 2); !errors.Is(err, ErrInvalid) {
			t.Errorf("a plan of %d bytes is saved: %v", len(bad), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = h.open(t, Opened)
	var got []string
	plans, err := s.LoadPlans(t.Context())
	for _, p := range plans {
		got = append(got, string(p))
	}
	if want := `{"n":"again"} {"n":2} {"n":3}`; err != nil || strings.Join(got, " ") != want {
		t.Errorf("kept are %s, %v", strings.Join(got, " "), err)
	}
}
