package server_test

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/jami/jamitest"
)

// gardens publishes archives for Jami.
type gardens struct {
	t      *testing.T
	root   *jpltest.Issuer
	signer *jpltest.Signer
}

func newGardens(t *testing.T) *gardens {
	root, signer := jpltest.At(time.Now())
	return &gardens{t, root, signer}
}

// archive is Greenery in a version.
func (g *gardens) archive(version string) []byte {
	return jpltest.Good(jpltest.With("version", version), jpltest.By(g.signer)).Build()
}

// verify reads an archive as Jami does.
func (g *gardens) verify(archive []byte) (*jpl.Verified, error) {
	f, err := jpl.NewFile(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	return jpl.Verify(g.t.Context(), f, jpl.Options{Roots: []*x509.Certificate{g.root.Certificate}})
}

// publisher makes the organization known to a store, and returns a token of it.
func (g *gardens) publisher(r *running) string {
	g.t.Helper()
	v, err := g.verify(g.archive("1.0.0"))
	if err != nil {
		g.t.Fatal(err)
	}
	asked := store.OrganizationRequest{Name: "gardens.example", Title: "Acme Gardens", Pins: []string{v.Publisher().OrganizationKey}}
	if a := r.post("/api/v1/organizations", asked); a.status != http.StatusOK {
		g.t.Fatalf("adding the organization: %d %s", a.status, a.body)
	}
	return r.token(store.TokenRequest{Name: "ci", Role: store.RolePublisher, Organization: "gardens.example"})
}

// desktop is a client with a daemon that installs what verifies.
func (g *gardens) desktop(base string) *jamitest.Desktop {
	installed := map[string]*jpl.Verified{}
	return &jamitest.Desktop{Base: base, ABI: jamiABI, Locale: "fr_CA", Daemon: func(_ string, archive []byte) int {
		v, err := g.verify(archive)
		if err == nil && installed[v.ID()] != nil {
			err = jpl.CheckUpdate(v, installed[v.ID()].Publisher(), installed[v.ID()].Version())
		}
		if err != nil {
			return int(jpl.CodeOf(err).Jami())
		}
		installed[v.ID()] = v
		return 0
	}}
}

// TestJamiDesktop: archives that an organization publishes, or that are put into the drop
// folder, come to Jami's own client: listed in the reader's language with their pictures,
// installed, updated, removed, and gone when they are taken down. At every address at which
// the client can be told to look.
func TestJamiDesktop(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]walk{
		"at the root":                    {"", "", true},
		"at the root, the face's own":    {"", "/jami", false},
		"below a prefix":                 {"/our/store", "", false},
		"below a prefix, the face's own": {"/our/store", "/jami", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backends.Each(t, walk.take)
		})
	}
}

// walk is a way through a store whose base URL has a prefix, with a client that was told to
// look for the face at another one below it. dropped: the first version comes through the
// drop folder and the second is published; else the other way round.
type walk struct {
	prefix, face string
	dropped      bool
}

func (c walk) take(t *testing.T, b backends.Backend) {
	g := newGardens(t)
	drop, watched := dropInto(t)
	r := start(t, b, nil, trustJami(t, g.root), watched, func(cfg *server.Config) {
		cfg.BaseURL = &url.URL{Scheme: "http", Host: cfg.BaseURL.Host, Path: c.prefix}
	})
	r.url += c.prefix
	token := g.publisher(r)
	publish := func(version string, dropped bool) {
		t.Helper()
		if !dropped {
			if s := r.published(token, g.archive(version)); s.Organization != "gardens.example" || s.Format != store.FormatJami {
				t.Errorf("%+v", s)
			}
			return
		}
		lay(t, drop, jpltest.ID, ".jpl", g.archive(version))
		r.shows(jpltest.ID, version, store.Published)
	}
	d := g.desktop(r.url + c.face)
	d.OpenStore()
	if !d.Nothing || d.Unavailable {
		t.Fatalf("a store that is empty: %+v", d)
	}
	publish("1.0.1", c.dropped)
	d.OpenStore()
	row := d.Rows[jpltest.ID]
	if row == nil || row.Name != "Verdure" || row.Author != "Acme Gardens" || row.Status != jamitest.Installable {
		t.Fatalf("%+v, the row %+v", d, row)
	}
	for name, kind := range map[string]string{row.Icon: "image/png", row.Background: "image/jpeg"} {
		if got := http.DetectContentType(d.Cache[name]); got != kind {
			t.Errorf("the picture %s is %s", name, got)
		}
	}
	d.Install(jpltest.ID)
	if d.Installs[jpltest.ID] != "1.0.1" {
		t.Fatalf("%+v", d)
	}
	publish("1.0.2", !c.dropped)
	if d.Start(); !d.Updates[jpltest.ID] {
		t.Fatalf("the update is not offered: %+v", d)
	}
	d.Update(jpltest.ID)
	if d.Installs[jpltest.ID] != "1.0.2" {
		t.Errorf("%+v", d)
	}
	d.Uninstall(jpltest.ID)
	if d.Rows[jpltest.ID] == nil {
		t.Errorf("it does not come back: %+v", d)
	}
	for _, version := range []string{"1.0.1", "1.0.2"} {
		if a := r.post("/api/v1/listings/"+jpltest.ID+"/releases/"+version+"/take-down", store.Reason{Reason: "stolen"}); a.status != http.StatusOK {
			t.Fatalf("taking %s down: %d %s", version, a.status, a.body)
		}
		r.shows(jpltest.ID, version, store.TakenDown)
	}
	if d.OpenStore(); len(d.Rows) > 0 || !d.Nothing || d.Unavailable || d.Crashed || d.Dialogs > 0 {
		t.Errorf("after it was taken down: %+v", d)
	}
}
