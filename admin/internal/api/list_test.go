package api

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// few is a Host of two extensions.
type few struct{ Host }

func (few) Snapshot() []host.Extension { return []host.Extension{{ID: "org.a.A"}, {ID: "org.b.B"}} }

func (few) Audit(context.Context, string, int) (host.AuditPage, error) {
	return host.AuditPage{Events: []host.AuditEntry{{Target: "org.a.A"}, {Target: "org.b.B"}, {Target: "users"}}, Next: "7"}, nil
}

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
		for path, serve := range map[string]func(*httptest.ResponseRecorder) error{
			"/api/v1/extensions": func(w *httptest.ResponseRecorder) error {
				r := httptest.NewRequest("GET", "/api/v1/extensions", nil)
				return a.listExtensions(w, r.WithContext(access.With(r.Context(), c.who)))
			},
			"/api/v1/audit": func(w *httptest.ResponseRecorder) error {
				r := httptest.NewRequest("GET", "/api/v1/audit", nil)
				return a.audit(w, r.WithContext(access.With(r.Context(), c.who)))
			},
		} {
			w := httptest.NewRecorder()
			if err := serve(w); err != nil {
				t.Fatal(err)
			}
			mine, other := strings.Contains(w.Body.String(), "org.a.A"), strings.Contains(w.Body.String(), "org.b.B")
			if mine != c.any || other != c.all {
				t.Errorf("%s, %s: %s", c.name, path, w.Body)
			}
		}
	}
}
