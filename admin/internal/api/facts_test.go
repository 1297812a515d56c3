package api

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// dependent is a Host that is asked for dependencies only.
type dependent struct{ Host }

func (dependent) Dependencies(string) (host.Dependencies, error) {
	return host.Dependencies{
		Needs:    []host.Dependency{{ID: "org.a.Mine", Name: "Mine", Version: "1.0", State: "running", Met: true}},
		NeededBy: []host.Dependency{{ID: "org.b.Other", Name: "Other", Version: "2.0", State: "failed", Constraint: ">=1"}},
	}, nil
}

// A token that is limited to some extensions learns of the others that they are there.
func TestDependenciesOfOthers(t *testing.T) {
	a := New(Config{Host: dependent{}})
	ask := func(who access.Identity) string {
		t.Helper()
		r := httptest.NewRequest("GET", "/api/v1/extensions/org.a.Top/dependencies", nil)
		w := httptest.NewRecorder()
		if err := a.dependencies(w, r.WithContext(access.With(context.Background(), who))); err != nil {
			t.Fatal(err)
		}
		return w.Body.String()
	}
	limited := ask(access.Identity{Name: "ci", Role: access.Viewer, Only: []string{"org.a.Top", "org.a.Mine"}})
	for _, want := range []string{`"id":"org.a.Mine","name":"Mine","version":"1.0","state":"running"`, `"id":"org.b.Other","name":"","version":"","state":""`} {
		if !strings.Contains(limited, want) {
			t.Errorf("the answer lacks %s: %s", want, limited)
		}
	}
	if all := ask(access.Identity{Name: "vera", Role: access.Viewer}); !strings.Contains(all, `"name":"Other","version":"2.0","state":"failed"`) {
		t.Errorf("a viewer gets %s", all)
	}
}
