package server_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/mattermost/mattermosttest"
)

// TestMattermost: a server of Mattermost's shows and fetches what is published.
func TestMattermost(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", helloID, nil)
		r := start(t, b, bundletest.ChainPEM(acme.Root))
		token := r.publisher(acme, "acme.example")
		var icon bytes.Buffer
		if err := png.Encode(&icon, image.NewRGBA(image.Rect(0, 0, 300, 300))); err != nil {
			t.Fatal(err)
		}
		jar := hello(acme, "1.0", bundletest.With("extension_min_host", "0.5"), bundletest.WithFile("META-INF/extension/icon.png", icon.Bytes()))
		r.published(token, jar)
		r.published(token, hello(acme, "1.1-rc.1"))
		s := &mattermosttest.Server{Marketplace: r.url, Version: "9.5.0", Platform: "linux-amd64", PerPage: -1}
		if err := s.Refresh(); err != nil {
			t.Fatal(err)
		}
		e := s.Shown[strings.ToLower(helloID)]
		if len(s.Shown) != 1 || e.Manifest.Version != "1.0.0" || e.Manifest.MinServerVersion != "0.5.0" || !strings.HasPrefix(e.IconData, "data:image/png;base64,") || e.Labels[0].Name != "Community" {
			t.Errorf("%+v", s.Shown)
		}
		got, err := s.Install(helloID)
		if err != nil || !bytes.Equal(got, jar) {
			t.Errorf("installed %d bytes: %v", len(got), err)
		}
		// Other servers of the same store, other questions; all are held to the description.
		for path, status := range map[string]int{"plugins": 200, "plugins?return_all_versions=true": 200, "plugins?per_page=-1&server_version=0.1": 200,
			"plugins?per_page=0": 200, "plugins?page=-1": 400, "labels": 200, "health": 200, "plugin/" + helloID: 404} {
			if a := r.get("/api/v1/" + path); a.status != status {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		if a := r.get("/api/v1/plugins?server_version=0.1&return_all_versions=true"); strings.Contains(string(a.body), `"version":"1.0.0"`) || !strings.Contains(string(a.body), `"version":"1.1.0-rc.1"`) {
			t.Errorf("%s", a.body)
		}
		if a := r.post("/api/v1/listings/"+helloID+"/label", store.Labeling{Add: []string{"enterprise"}}); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		r.until("it is for the enterprise", func() bool { return s.Refresh() == nil && len(s.Shown) == 0 })
		if s.Enterprise = true; s.Refresh() != nil || len(s.Shown) != 1 {
			t.Errorf("%+v", s.Shown)
		}
	})
}
