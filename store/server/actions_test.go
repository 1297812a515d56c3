package server_test

import (
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
)

// TestActions: what happens to a release after it was published, and what hosts learn of it.
func TestActions(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", helloID, nil)
		r := start(t, b, bundletest.ChainPEM(acme.Root))
		token := r.publisher(acme, "acme.example")
		old := r.published(token, hello(acme, "1.0.0", bundletest.With("extension_min_host", "0.9")))
		r.published(token, hello(acme, "1.1.0", bundletest.With("extension_min_host", "0.9")))
		r.published(token, hello(acme, "2.0.0", bundletest.With("extension_min_host", "3.0")))
		release := "/api/v1/listings/" + helloID + "/releases/1.0.0"
		ask := func(host string) store.Update {
			t.Helper()
			q := store.UpdateQuery{HostVersion: host, Installed: []store.Installed{{ID: helloID, Version: "1.0.0", Digest: old.Digest}}}
			return read[store.Updates](t, r.post("/api/v1/updates", q, bearer(""))).Updates[0]
		}
		if u := ask("1.0"); !u.Known || !u.Same || u.Newer == nil || u.Newer.Version != "1.1.0" || u.Latest != "2.0.0" || u.Needs != "3.0" {
			t.Errorf("%+v, newer %+v", u, u.Newer)
		}
		if u := ask("3.0"); u.Newer == nil || u.Newer.Version != "2.0.0" || u.Latest != "" {
			t.Errorf("%+v, newer %+v", u, u.Newer)
		}
		if u := ask("0.1"); u.Newer != nil || u.Latest != "2.0.0" {
			t.Errorf("a host that is too old for all: %+v", u)
		}

		if a := r.post(release+"/deprecate", store.Reason{}, bearer(token)); a.status != 400 {
			t.Errorf("deprecated without a reason: %d", a.status)
		}
		if a := r.post(release+"/deprecate", store.Reason{Reason: "slow"}, bearer(token)); a.status != 200 {
			t.Fatalf("deprecating: %d %s", a.status, a.body)
		}
		r.shows(helloID, "1.0.0", store.Deprecated)
		if u := ask("1.0"); u.State != store.Deprecated || u.Note != "slow" {
			t.Errorf("%+v", u)
		}
		if a := r.post(release+"/restore", store.Reason{}, bearer(token)); a.status != 200 {
			t.Fatalf("restoring: %d %s", a.status, a.body)
		}
		r.shows(helloID, "1.0.0", store.Published)

		if a := r.post(release+"/withdraw", store.Reason{Reason: "loses data"}, bearer(token)); a.status != 200 {
			t.Fatalf("withdrawing: %d %s", a.status, a.body)
		}
		r.shows(helloID, "1.0.0", store.Withdrawn)
		if a := r.get(release + "/download"); a.status != 200 {
			t.Errorf("the bytes of a withdrawn release: %d", a.status)
		}
		if a := r.post(release+"/take-down", store.Reason{Reason: "stolen"}, bearer(token)); a.status != 403 {
			t.Errorf("taken down by its publisher: %d", a.status)
		}
		if a := r.post(release+"/take-down", store.Reason{Reason: "stolen"}); a.status != 200 {
			t.Fatalf("taking down: %d %s", a.status, a.body)
		}
		r.shows(helloID, "1.0.0", store.TakenDown)
		if a := r.get(release + "/download"); a.status != 410 || a.code() != "taken_down" {
			t.Errorf("the bytes of what was taken down: %d %s", a.status, a.body)
		}

		adv := store.Advisory{Listing: helloID, Affected: ">=1.0 <1.1", Severity: store.High, Title: "greets strangers"}
		told := read[store.Advisory](t, r.post("/api/v1/advisories", adv))
		if told.ID == "" || told.Created.IsZero() {
			t.Errorf("%+v", told)
		}
		rev := read[store.Revocation](t, r.post("/api/v1/revocations", store.Revocation{Listing: helloID, Version: "1.0.0", Reason: "sends secrets away"}))
		r.until("hosts learn of both", func() bool {
			u := ask("1.0")
			return u.Revocation != nil && u.Revocation.Reason == rev.Reason && len(u.Advisories) == 1 && u.Advisories[0].ID == told.ID
		})
		if list := read[store.RevocationList](t, r.get("/api/v1/revocations")).Revocations; len(list) != 1 {
			t.Errorf("the revocations are %+v", list)
		}
		if list := read[store.AdvisoryList](t, r.get("/api/v1/advisories?listing=EXAMPLES-hello.HelloExtension")).Advisories; len(list) != 1 {
			t.Errorf("the advisories are %+v", list)
		}
		if a := r.post("/api/v1/revocations/withdraw", store.Withdrawal{Listing: helloID, Version: "1.0.0"}); a.status != 204 {
			t.Errorf("taking it back: %d %s", a.status, a.body)
		}
		r.until("it is taken back", func() bool { return ask("1.0").Revocation == nil })
		if a := r.post("/api/v1/listings/"+helloID+"/label", store.Labeling{Add: []string{"official"}}); a.status != 200 {
			t.Errorf("labelling: %d %s", a.status, a.body)
		}
		r.until("the label finds it", func() bool {
			return len(read[store.CardPage](t, r.get("/api/v1/listings?label=official")).Listings) == 1
		})
	})
}

// TestReview: what passes the checks waits for somebody who approves it.
func TestReview(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	r := start(t, backends.SQLite(t), bundletest.ChainPEM(acme.Root), func(c *server.Config) { c.Admission = server.Review })
	token := r.publisher(acme, "acme.example")
	reviewer := r.token(store.TokenRequest{Name: "vera", Role: store.RoleReviewer})
	a := r.submit(token, hello(acme, "1.0.0"), "")
	s := read[store.Submission](t, a)
	if a.status != 202 || s.State != store.InReview || a.header.Get("Location") != "/api/v1/submissions/1" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if got := r.get("/api/v1/listings/" + helloID); got.status != 404 {
		t.Errorf("it is listed before somebody approved it: %d", got.status)
	}
	if got := r.post("/api/v1/submissions/1/approve", struct{}{}, bearer(token)); got.status != 403 {
		t.Errorf("approved by its publisher: %d", got.status)
	}
	if got := r.post("/api/v1/submissions/1/approve", struct{}{}, bearer(reviewer)); got.status != 200 {
		t.Fatalf("approving: %d %s", got.status, got.body)
	}
	r.shows(helloID, "1.0.0", store.Published)
	if got := r.post("/api/v1/submissions/1/approve", struct{}{}, bearer(reviewer)); got.status != 409 {
		t.Errorf("approved twice: %d %s", got.status, got.body)
	}
	if got := r.submit(reviewer, hello(acme, "1.1.0"), ""); got.status != 403 {
		t.Errorf("a reviewer submits: %d", got.status)
	}
	r.submit(token, hello(acme, "1.1.0"), "")
	got := read[store.Submission](t, r.post("/api/v1/submissions/2/reject", store.Reason{Reason: "no licence"}, bearer(reviewer)))
	if got.State != store.NeedsChanges || len(got.Problems) == 0 {
		t.Errorf("rejected: %+v", got)
	}
}
