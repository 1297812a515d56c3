package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// few is a Host of two extensions.
type few struct{ Host }

func (few) Snapshot() []host.Extension { return []host.Extension{{ID: "org.a.A"}, {ID: "org.b.B"}} }

// TestALimitedTokenSeesItsExtensions, and nothing of the others.
func TestALimitedTokenSeesItsExtensions(t *testing.T) {
	a := New(Config{Host: few{}})
	for _, c := range []struct {
		name     string
		who      access.Identity
		all, any bool
	}{
		{"everybody's", access.Identity{Name: "x", Role: access.Viewer}, true, true},
		{"limited", access.Identity{Name: "x", Role: access.Administrator, Only: []string{"org.a.A"}}, false, true},
		{"limited to nothing", access.Identity{Name: "x", Role: access.Administrator, Only: []string{}}, false, false},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/api/v1/extensions", nil)
		if err := a.listExtensions(w, r.WithContext(access.With(r.Context(), c.who))); err != nil {
			t.Fatal(err)
		}
		mine, other := strings.Contains(w.Body.String(), "org.a.A"), strings.Contains(w.Body.String(), "org.b.B")
		if mine != c.any || other != c.all {
			t.Errorf("%s: %s", c.name, w.Body)
		}
	}
}
