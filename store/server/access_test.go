package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
)

// TestAccess tries every route of the description with every role.
func TestAccess(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	r := start(t, backends.SQLite(t), bundletest.ChainPEM(acme.Root))
	callers := []struct {
		name, token string
		rights      []string
	}{
		{"nobody", "", []string{"open"}},
		{"publisher", r.publisher(acme, "acme.example"), []string{"open", "see", "publish"}},
		{"reviewer", r.token(store.TokenRequest{Name: "vera", Role: store.RoleReviewer}), []string{"open", "see", "review"}},
		{"administrator", r.token(store.TokenRequest{Name: "root", Role: store.RoleAdministrator}), []string{"open", "see", "publish", "review", "administer"}},
	}
	tried := map[string]int{}
	for path, operations := range r.description().Root["paths"].(map[string]any) {
		for method, operation := range operations.(map[string]any) {
			right := operation.(map[string]any)["x-right"].(string)
			target := strings.NewReplacer("{id}", "no.such", "{version}", "1", "{n}", "999", "{digest}", "sha256:00", "{name}", "no.example", "{token}", "t-none").Replace(path)
			if path == "/api/v1/openapi.json" {
				continue
			}
			for _, c := range callers {
				a := r.send(strings.ToUpper(method), target, nil, bearer(c.token))
				may := slices.Contains(c.rights, right)
				want := "neither 401 nor 403"
				switch {
				case !may && c.token == "":
					want = "401"
				case !may:
					want = "403"
				}
				if got := fmt.Sprint(a.status); may && (got == "401" || got == "403") || !may && got != want {
					t.Errorf("%s %s by %s: %d, want %s (%s)", method, target, c.name, a.status, want, a.body)
				}
			}
			tried[right]++
		}
	}
	if tried["open"] < 12 || tried["administer"] < 8 || tried["publish"] < 5 || tried["review"] < 3 || tried["see"] != 2 {
		t.Errorf("tried %v", tried)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		r := start(t, b, bundletest.ChainPEM(acme.Root))
		r.publisher(acme, "acme.example")
		made := read[store.NewToken](t, r.post("/api/v1/tokens", store.TokenRequest{Name: "ci", Role: store.RolePublisher, Organization: "acme.example", Days: 7}))
		if !strings.HasPrefix(made.Secret, "jfs_") || made.Expires.IsZero() || made.Organization != "acme.example" {
			t.Errorf("%+v", made)
		}
		if a := r.get("/api/v1/submissions", bearer(made.Secret)); a.status != 200 {
			t.Errorf("the token is answered with %d", a.status)
		}
		list := r.get("/api/v1/tokens", bearer(r.admin))
		if strings.Contains(string(list.body), made.Secret) || strings.Contains(r.log.String(), made.Secret) {
			t.Error("the token is shown again")
		}
		if a := r.send("DELETE", "/api/v1/tokens/"+made.ID, nil, bearer(r.admin)); a.status != 204 {
			t.Errorf("revoking: %d %s", a.status, a.body)
		}
		if a := r.get("/api/v1/submissions", bearer(made.Secret)); a.status != 401 || a.header.Get("Www-Authenticate") == "" {
			t.Errorf("a revoked token is answered with %d", a.status)
		}
		for name, asked := range map[string]store.TokenRequest{
			"no role": {Name: "x"}, "a role that there is not": {Name: "x", Role: "root"}, "no name": {Role: store.RoleReviewer},
			"a publisher of nobody": {Name: "x", Role: store.RolePublisher}, "a reviewer of one": {Name: "x", Role: store.RoleReviewer, Organization: "acme.example"},
			"for ever and a day": {Name: "x", Role: store.RoleReviewer, Days: 99999}, "two lines": {Name: "x\ny", Role: store.RoleReviewer},
		} {
			if a := r.post("/api/v1/tokens", asked); a.status != 400 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if a := r.post("/api/v1/tokens", store.TokenRequest{Name: "x", Role: store.RolePublisher, Organization: "no.example"}); a.status != 404 {
			t.Errorf("for an organization that there is not: %d", a.status)
		}
		entries := read[store.AuditPage](t, r.get("/api/v1/audit?limit=500", bearer(r.admin))).Entries
		for _, action := range []string{"organization.save", "token.new", "token.revoke"} {
			if !slices.ContainsFunc(entries, func(e store.AuditEntry) bool { return e.Action == action && e.Actor == "t-first" && e.Remote != "" }) {
				t.Errorf("%s is not in the audit trail", action)
			}
		}
	})
}

// TestStrangers: who guesses tokens has to wait; who has one is answered whatever comes
// from the same address.
func TestStrangers(t *testing.T) {
	t.Parallel()
	r := start(t, backends.SQLite(t), nil)
	var last answer
	for range 12 {
		last = r.get("/api/v1/tokens", bearer("jfs_wrong"))
	}
	if last.status != 429 || last.header.Get("Retry-After") == "" {
		t.Errorf("the twelfth wrong token is answered with %d", last.status)
	}
	if a := r.get("/api/v1/tokens", bearer(r.admin)); a.status != 200 {
		t.Errorf("the right one with %d", a.status)
	}
}

// TestOrganizations: one publishes what is signed by it, and what is its own.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", helloID, nil)
		other := bundletest.NewSigner("other.example", helloID, nil)
		r := start(t, b, append(bundletest.ChainPEM(acme.Root), bundletest.ChainPEM(other.Root)...))
		ours, theirs := r.publisher(acme, "acme.example"), r.publisher(other, "other.example")
		s := r.published(ours, hello(acme, "1.0.0"))

		for name, c := range map[string]struct {
			token string
			file  []byte
			code  string
		}{
			"signed by another than sent it":  {theirs, hello(acme, "1.1.0"), store.CodeNotYours},
			"an id that belongs to another":   {theirs, hello(other, "2.0.0"), store.CodeIDTaken},
			"a lower version":                 {ours, hello(acme, "0.9.0"), store.CodeVersionNotHigher},
			"the same version in other bytes": {ours, hello(acme, "1.0.0", bundletest.With("extension_description", "other")), store.CodeVersionExists},
			"no bundle":                       {ours, []byte("no bundle"), store.CodeFormatUnknown},
		} {
			a := r.submit(c.token, c.file, "?file=x.jar")
			var p struct{ Submission *store.Submission }
			if a.status != 422 || a.code() != "refused" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
				continue
			}
			p.Submission = read[struct{ Submission *store.Submission }](t, answer{200, nil, a.body}).Submission
			if p.Submission == nil || len(p.Submission.Problems) == 0 || p.Submission.Problems[0].Code != c.code {
				t.Errorf("%s: %s, want the code %s", name, a.body, c.code)
			}
		}
		if l := read[store.Listing](t, r.get("/api/v1/listings/"+helloID)); len(l.Releases) != 1 || l.Publisher.Host != "acme.example" {
			t.Errorf("the listing is %+v", l)
		}

		number := fmt.Sprint(s.Number)
		if a := r.get("/api/v1/submissions/"+number, bearer(theirs)); a.status != 404 {
			t.Errorf("a submission of another organization is answered with %d", a.status)
		}
		for _, theirsToo := range read[store.SubmissionPage](t, r.get("/api/v1/submissions", bearer(theirs))).Submissions {
			if theirsToo.Organization != "other.example" {
				t.Errorf("they see %+v", theirsToo)
			}
		}
		if all := read[store.SubmissionPage](t, r.get("/api/v1/submissions", bearer(r.admin))).Submissions; len(all) != 6 {
			t.Errorf("the administrator sees %d submissions, want 6", len(all))
		}
		if a := r.post("/api/v1/listings/"+helloID+"/releases/1.0.0/withdraw", store.Reason{Reason: "mine now"}, bearer(theirs)); a.status != 403 {
			t.Errorf("withdrawn by another: %d %s", a.status, a.body)
		}
		if a := r.send("DELETE", "/api/v1/organizations/acme.example", nil, bearer(r.admin)); a.status != 409 {
			t.Errorf("removing an owner: %d %s", a.status, a.body)
		}
	})
}
