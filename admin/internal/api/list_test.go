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

// FuzzCursor: a cursor that is taken names a place in the list, and only that place is
// written as this cursor.
func FuzzCursor(f *testing.F) {
	for _, e := range []host.Extension{{ID: "org.a.A", File: "a.jar"}, {ID: "\xff", File: ""}, {}} {
		f.Add(cursorOf(e))
	}
	f.Add("bm9uZQ")
	f.Add("x!")
	f.Fuzz(func(t *testing.T, cursor string) {
		at, err := rowOf(cursor)
		if err != nil || cursor == "" {
			return
		}
		id, file, ok := strings.Cut(at, "\x00")
		if back, err := rowOf(cursorOf(host.Extension{ID: id, File: file})); !ok || err != nil || back != at {
			t.Errorf("%q names %q, which is written %q: %v", cursor, at, back, err)
		}
	})
}
