package jami_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/jami"
	"github.com/jackfield-host/jackfield/store/server/internal/jami/jamitest"
)

func failing(t testing.TB) func(err error) {
	return func(err error) { t.Error(err) }
}

// TestADayWithDesktop: looking, installing, updating and removing, at each address at which
// the face may be.
func TestADayWithDesktop(t *testing.T) {
	for name, c := range map[string]struct {
		base string
		o    jami.Options
	}{
		"at the root":                 {"", jami.Options{}},
		"below a prefix":              {"/jami", jami.Options{Prefix: "/jami"}},
		"at the root, with a prefix":  {"", jami.Options{Prefix: "/jami"}},
		"with a slash too many":       {"/jami/", jami.Options{Prefix: "/jami/"}},
		"below a prefix of two words": {"/stores/jami", jami.Options{Prefix: "/stores/jami"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf()
			s.publish(t, jpltest.Good(), day(1))
			s.publish(t, jpltest.Good(jpltest.WithID("Orchard"), jpltest.Without("data/icon.png")), day(2))
			d, daemon := desktop(t, s, c.base, c.o)
			d.Start()
			d.OpenStore()
			row := d.Rows[jpltest.ID]
			if d.Unavailable || d.Nothing || len(d.Rows) != 2 || row.Name != "Verdure" || row.Author != "Acme Gardens" || row.Status != jamitest.Installable {
				t.Fatalf("%+v %+v", d, row)
			}
			if row.Timestamp >= d.Rows["Orchard"].Timestamp {
				t.Errorf("%s is not before %s", row.Timestamp, d.Rows["Orchard"].Timestamp)
			}
			for _, r := range d.Rows {
				for name, kind := range map[string]string{r.Icon: "image/png", r.Background: "image/jpeg"} {
					if got := http.DetectContentType(d.Cache[name]); got != kind {
						t.Errorf("%s of %s is %s", name, r.ID, got)
					}
				}
			}

			d.Install(jpltest.ID)
			if len(d.Rows) != 1 || d.Installs[jpltest.ID] != "1.0.1" || d.Dialogs > 0 || !slices.Equal(daemon.files, []string{"Greenery.jpl"}) {
				t.Fatalf("%+v %+v", d, daemon)
			}
			d.OpenStore()
			if len(d.Rows) != 1 {
				t.Errorf("what is installed is listed: %+v", d.Rows)
			}

			s.publish(t, jpltest.Good(jpltest.With("version", "1.0.2")), day(3))
			d.Start()
			if !d.Updates[jpltest.ID] {
				t.Fatal("the update is not offered")
			}
			d.Update(jpltest.ID)
			if d.Installs[jpltest.ID] != "1.0.2" || daemon.installed[jpltest.ID].Version() != "1.0.2" || d.Dialogs > 0 || len(d.Updates) > 0 {
				t.Errorf("%+v", d)
			}
			d.Start()
			if len(d.Updates) > 0 {
				t.Error("an update is offered that is installed")
			}

			d.Uninstall(jpltest.ID)
			if d.Rows[jpltest.ID] == nil || d.Unavailable || d.Crashed {
				t.Errorf("it does not come back: %+v", d)
			}
		})
	}
}

// TestMistakesOfDesktop: what the client does wrong does not lead it astray here.
func TestMistakesOfDesktop(t *testing.T) {
	s := newShelf()
	s.publish(t, jpltest.Good(), day(1))
	d, _ := desktop(t, s, "", jami.Options{})

	// It asks for what it has, though the store does not: 404, never an empty list.
	d.Installs = map[string]string{"FromElsewhere": "1.0.0", "from elsewhere/..": "1", jpltest.ID: "1.0.1"}
	d.Start()
	if d.Crashed || len(d.Updates) > 0 {
		t.Errorf("%+v", d)
	}
	// An error before the list does not count; the list ends the wait.
	d.OpenStore()
	if d.Unavailable || d.Nothing || len(d.Rows) != 0 {
		t.Errorf("%+v", d)
	}
	delete(d.Installs, jpltest.ID)
	d.OpenStore()
	d.Start()
	if d.Unavailable || len(d.Rows) != 1 {
		t.Errorf("an error behind the list counts as one of it: %+v", d)
	}

	// A platform for which there is nothing: the list is empty, which is no error. What can not
	// be helped: the client waits on, and takes the next 404 for one of the store.
	d.ABI, d.Installs = "arm64-v8a", nil
	d.OpenStore()
	if !d.Nothing || d.Unavailable {
		t.Errorf("%+v", d)
	}
	d.Installs = map[string]string{jpltest.ID: "1.0.1"}
	if d.Start(); !d.Unavailable {
		t.Error("the client does better than it is said to")
	}
	d.Installs = nil

	// A release is taken down between list and download: the row waits until it is canceled.
	d.ABI = linux
	d.OpenStore()
	s.Change(jpltest.ID, func(l *store.Listing) { l.Releases[0].State = store.TakenDown })
	d.Install(jpltest.ID)
	if d.Rows[jpltest.ID].Status != jamitest.Downloading || d.Dialogs != 0 {
		t.Errorf("%+v", d.Rows[jpltest.ID])
	}
	d.Cancel(jpltest.ID)
	if d.Rows[jpltest.ID].Status != jamitest.Installable {
		t.Errorf("%+v", d.Rows[jpltest.ID])
	}
	d.OpenStore()
	if len(d.Rows) != 0 || !d.Nothing {
		t.Errorf("what was taken down is listed: %+v", d.Rows)
	}
}

// TestFailedStates: what the daemon refuses shows one dialog, and can be tried again.
func TestFailedStates(t *testing.T) {
	s := newShelf()
	s.publish(t, jpltest.Good(), day(1))
	d, _ := desktop(t, s, "", jami.Options{})
	install := d.Daemon
	for _, code := range []int{100, 200, 300, 400, 500} {
		d.OpenStore()
		d.Daemon = func(string, []byte) int { return code }
		d.Install(jpltest.ID)
		if d.Rows[jpltest.ID].Status != jamitest.Failed {
			t.Errorf("%d: %+v", code, d.Rows[jpltest.ID])
		}
		d.Install(jpltest.ID)
	}
	if d.Dialogs != 10 {
		t.Errorf("%d dialogs", d.Dialogs)
	}
	d.Daemon = install
	d.Install(jpltest.ID)
	if d.Installs[jpltest.ID] == "" {
		t.Error("it cannot be installed any more")
	}

	// An update that is refused is offered again.
	s.publish(t, jpltest.Good(jpltest.With("version", "1.0.2")), day(2))
	d.Daemon = func(string, []byte) int { return 400 }
	d.AutoUpdate = true
	d.Start()
	if !d.Updates[jpltest.ID] || d.Dialogs != 11 || d.Installs[jpltest.ID] != "1.0.1" {
		t.Errorf("%+v", d)
	}
	d.Daemon = install
	d.Start()
	if d.Installs[jpltest.ID] != "1.0.2" {
		t.Errorf("%+v", d)
	}
}

// TestDesktopIsFooled holds the client of the tests to the mistakes that it is there for:
// stores that make them are seen.
func TestDesktopIsFooled(t *testing.T) {
	answer := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/icons") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	d := &jamitest.Desktop{Base: server.URL, ABI: linux, Installs: map[string]string{"a": "1"}}
	answer = `[]`
	if d.Start(); !d.Crashed {
		t.Error("an empty list of versions does not hurt it")
	}
	answer = `[{"id":"b","status":262}]`
	if d.OpenStore(); d.Dialogs != 1 || d.Rows["b"].Status != jamitest.Failed || d.Unavailable {
		t.Errorf("a state that the server sends does not hurt it: %+v", d)
	}
	answer = `[]`
	d.OpenStore()
	d.Rows["b"] = &jamitest.Row{ID: "b", Status: jamitest.Installable}
	server.CloseClientConnections()
	server.Config.Handler = http.NotFoundHandler()
	if d.Install("b"); !d.Unavailable {
		t.Error("an error of another request does not count as one of the list")
	}
}
