package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestConfiguration(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	if _, ok := s.Configuration("a"); ok {
		t.Fatal("something is set before anything was")
	}
	set := func(revision int64) error {
		return s.Change(t.Context(), Change{
			ID: "a", Configuration: &Configuration{
				Revision: revision, By: "ada", Values: json.RawMessage(fmt.Sprintf(`{"n":%d}`, revision)),
				Secrets: map[string]string{"/p": fmt.Sprintf("sealed %d", revision)},
			},
			Audit: []AuditEntry{{Actor: "ada", Action: "configure", Target: "a"}},
		})
	}
	for n := range int64(keepConfigurations + 5) {
		if err := set(n + 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []int64{0, 1, keepConfigurations + 5, keepConfigurations + 7} {
		if err := set(wrong); !errors.Is(err, ErrRevision) {
			t.Errorf("the revision %d after %d: %v", wrong, keepConfigurations+5, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = h.open(t, Opened)
	is, ok := s.Configuration("a")
	if !ok || is.Revision != keepConfigurations+5 || is.By != "ada" || is.Time.IsZero() ||
		string(is.Values) != `{"n":25}` || is.Secrets["/p"] != "sealed 25" {
		t.Errorf("after a restart it is %+v", is)
	}
	list, err := s.Configurations(t.Context(), "a")
	if err != nil || len(list) != keepConfigurations || list[0].Revision != 25 || list[19].Revision != 6 {
		t.Fatalf("the revisions are %+v, %v", list, err)
	}
	for _, old := range list[1:] {
		if sealed, known := old.Secrets["/p"]; !known || sealed != "" {
			t.Errorf("of the secret of revision %d is kept: %q", old.Revision, sealed)
		}
	}
	if err := s.Purge(t.Context(), "a", AuditEntry{}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Configuration("a"); ok {
		t.Error("a purged extension is configured")
	}
	if err := set(1); err != nil {
		t.Errorf("after a purge it begins anew: %v", err)
	}
}

func TestConfigurationRefused(t *testing.T) {
	s := newHome(t).open(t, Created)
	for name, c := range map[string]Configuration{
		"too large":         {Revision: 1, Values: json.RawMessage(`"` + strings.Repeat("x", maxConfiguration) + `"`)},
		"too large secrets": {Revision: 1, Values: json.RawMessage(`{}`), Secrets: map[string]string{"/p": strings.Repeat("x", maxConfiguration)}},
		"no JSON":           {Revision: 1, Values: json.RawMessage(`{`)},
	} {
		if err := s.Change(t.Context(), Change{ID: "a", Configuration: &c}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
