package host_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// The icon of an offer comes from its repository, is drawn anew and asked for once; what is
// none there is none here.
func TestOfferIcon(t *testing.T) {
	t.Parallel()
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewNRGBA(image.Rect(0, 0, 256, 128))); err != nil {
		t.Fatal(err)
	}
	s := openShop(t)
	for id, icon := range map[string]string{
		"org.acme.Good": drawn.String(), "org.acme.Page": "<!doctype html><script>alert(1)</script>",
		"org.acme.Drawing": `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "org.acme.Plain": "",
	} {
		s.Publish(id, "1.0", "server")
		if icon != "" {
			s.PutIcon(id, []byte(icon))
		}
	}
	var icons atomic.Int64
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/icon") {
			icons.Add(1)
		}
		s.Store.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := s.rootFile(root); err != nil {
		t.Fatal(err)
	}
	w := startQuick(t, t.TempDir(), from(nil), func(cfg *host.Config) {
		cfg.RepositorySources = []host.RepositorySource{{Name: "acme", URL: front.URL, Kind: host.KindJackfield, Root: root}}
	})
	page, err := w.Available(t.Context(), host.AvailableQuery{}) // straight after the start
	if err != nil || len(page.Offers) != 4 || len(page.Missing) != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	for range 3 {
		icon, err := w.OfferIcon(t.Context(), "org.acme.Good")
		if err != nil || icon.Media != "image/png" || len(icon.ETag) != 66 {
			t.Fatalf("%s %s, %v", icon.Media, icon.ETag, err)
		}
		if got, err := png.DecodeConfig(bytes.NewReader(icon.Data)); err != nil || got.Width != 128 || got.Height != 64 {
			t.Errorf("it is %+v, %v", got, err)
		}
		for _, id := range []string{"org.acme.Page", "org.acme.Drawing", "org.acme.Plain", "org.acme.Nobody"} {
			if icon, err := w.OfferIcon(t.Context(), id); codeOf(err) != host.CodeNotFound || icon.Data != nil {
				t.Errorf("%s has one: %v", id, err)
			}
		}
	}
	if n := icons.Load(); n != 3 {
		t.Errorf("the repository was asked %d times for three files", n)
	}
}
