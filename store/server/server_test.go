package server_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
)

// TestPublishAndServe is the way of one extension through the store.
func TestPublishAndServe(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", helloID, nil)
		r := start(t, b, bundletest.ChainPEM(acme.Root))
		token := r.publisher(acme, "acme.example")
		jar := hello(acme, "1.0.0")
		s := r.published(token, jar)
		if s.State != store.Accepted || s.Organization != "acme.example" || s.Listing != helloID || s.Version != "1.0.0" {
			t.Errorf("%+v", s)
		}

		page := read[store.CardPage](t, r.get("/api/v1/listings"))
		if len(page.Listings) != 1 || page.Listings[0].Name != "Hello" || page.Listings[0].Version != "1.0.0" {
			t.Errorf("the listings are %+v", page)
		}
		r.until("a search finds it", func() bool {
			return len(read[store.CardPage](t, r.get("/api/v1/listings?q=hell")).Listings) == 1
		})
		if found := read[store.CardPage](t, r.get("/api/v1/listings?q=nonsense")); len(found.Listings) != 0 {
			t.Errorf("found %+v", found)
		}
		detail := read[store.ReleaseDetail](t, r.get("/api/v1/listings/"+helloID+"/releases/1.0.0"))
		if detail.Listing != helloID || detail.Version != "1.0.0" || len(detail.Detail.Evidence) == 0 {
			t.Errorf("the release is %+v", detail)
		}

		got := r.get("/api/v1/listings/" + helloID + "/releases/1.0.0/download")
		digest := fmt.Sprintf("sha256:%x", sha256.Sum256(jar))
		if !bytes.Equal(got.body, jar) || got.header.Get("Etag") != `"sha256-`+digest[7:]+`"` || !strings.HasPrefix(got.header.Get("Repr-Digest"), "sha-256=:") {
			t.Errorf("downloaded %d bytes, want %d: %v", len(got.body), len(jar), got.header)
		}
		r.until("the download is counted", func() bool {
			counts := read[store.Stats](t, r.get("/api/v1/stats?listing="+helloID)).Counts
			return len(counts) == 1 && counts[0].Downloads == 1 && counts[0].Version == "1.0.0"
		})
		if a := r.submit(token, []byte("no bundle"), ""); a.status != 422 {
			t.Errorf("what is no bundle is answered %d %s", a.status, a.body)
		}
		if metrics := string(r.get("/metrics").body); !strings.Contains(metrics, "store_snapshot_listings 1\n") ||
			!strings.Contains(metrics, `store_requests_total{method="POST",route="/api/v1/submissions",status="201"} 1`) ||
			!strings.Contains(metrics, `store_submissions_refused_total{code="format_unknown"} 1`) ||
			!strings.Contains(metrics, `store_database_duration_seconds_count{kind="write"} `) || !strings.Contains(metrics, `store_database_duration_seconds_count{kind="read"} `) ||
			strings.Contains(metrics, "store_database_failures_total{") {
			t.Errorf("the metrics are\n%s", metrics)
		}
	})
}

// TestDescription: the document is OpenAPI 3.1, without faults.
func TestDescription(t *testing.T) {
	t.Parallel()
	r := start(t, backends.SQLite(t), nil)
	official, err := os.Open("../../host/internal/edge/testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer official.Close()
	if err := r.description().Faults(official); err != nil {
		t.Error(err)
	}
	if paths := r.description().Root["paths"].(map[string]any); len(paths) < 25 {
		t.Errorf("only %d paths are described", len(paths))
	}
}
