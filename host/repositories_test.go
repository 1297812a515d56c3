package host_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// A host reads its repositories, shows what they offer and what is wrong with them, and
// counts both.
func TestRepositories(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	l := *s.Publish("org.acme.hello", "2.0", "server")
	l.Releases = slices.Clone(l.Releases)
	l.Releases[0].MinHost, l.Releases[1].Permissions = "9.0", []string{"kv"}
	s.Put(&l)
	alone := *s.Publish("org.acme.future", "1.0", "server")
	alone.Releases = slices.Clone(alone.Releases)
	alone.Releases[0].MinHost = "9.0"
	s.Put(&alone)
	s.Publish("org.acme.elsewhere", "1.0", "plan9-386")
	s.Advise([]store.Advisory{{ID: "JFA-1", Listing: "org.acme.hello", Affected: "<2", Severity: store.High, Title: "t", Fixed: "2.0"}}, nil)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, trusttest.PEM(s.Authority.Root.Cert), 0o600); err != nil {
		t.Fatal(err)
	}
	w := startWith(t, filepath.Join(t.TempDir(), "home"), func(c *host.Config) {
		c.RepositorySources = []host.RepositorySource{
			{Name: "gone", URL: filepath.Join(t.TempDir(), "nowhere"), Kind: host.KindJackfield, Root: root, Priority: 5},
			{Name: "acme", URL: server.URL, Kind: host.KindJackfield, Root: root},
			{Name: "off", URL: "https://off.example", Kind: host.KindJackfield, Disabled: true},
		}
	})
	for deadline := time.Now().Add(patience); ; {
		states := ""
		for _, r := range w.Repositories() {
			states += r.Name + " " + r.State + " " + r.Code + ", "
		}
		if states == "gone error index_missing, acme ok , off never , " {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the repositories are %s", states)
		}
		time.Sleep(10 * time.Millisecond)
	}
	page, err := w.Available(t.Context(), host.AvailableQuery{})
	if err != nil || len(page.Offers) != 3 || len(page.Missing) != 1 || page.Missing[0].Name != "gone" || page.Missing[0].Code != "index_missing" {
		t.Fatalf("%+v, %v", page, err)
	}
	o, err := w.AvailableOne(t.Context(), "org.acme.hello")
	if err != nil || o.Version != "1.0" || !o.Usable || o.Action != "install" || o.Repository != "acme" || !slices.Equal(o.Versions, []string{"2.0", "1.0"}) ||
		!slices.Equal(o.Permissions, []string{"kv"}) || len(o.Advisories) != 1 || o.Advisories[0].ID != "JFA-1" || o.Size == 0 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := w.AvailableOne(t.Context(), "org.acme.future"); err != nil || o.Usable || o.Needs != "9.0" || o.Action != "none" || o.Version != "1.0" {
		t.Errorf("what needs a later host is %+v, %v", o, err)
	}
	if o, err := w.AvailableOne(t.Context(), "org.acme.elsewhere"); err != nil || o.Usable || o.Needs != "" || o.Action != "none" {
		t.Errorf("what is for another platform is %+v, %v", o, err)
	}
	if _, err := w.AvailableOne(t.Context(), "org.acme.nothing"); codeOf(err) != host.CodeNotFound {
		t.Errorf("what nobody has is %v", err)
	}
	if _, err := w.RefreshRepository(t.Context(), "other"); codeOf(err) != host.CodeNotFound {
		t.Errorf("refreshing one that is not there: %v", err)
	}
	before := s.Sequence()
	s.Publish("org.acme.more", "1.0", "server")
	if r, err := w.RefreshRepository(t.Context(), "acme"); err != nil || r.Sequence != before+1 || r.Listings != 4 || r.Checked == nil || r.Expires == nil {
		t.Errorf("%+v, %v", r, err)
	}
	metrics := ""
	families, err := w.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "jackfield_repository_") {
			metrics += f.String()
		}
	}
	for _, name := range []string{"state", "listings", "read_timestamp_seconds", "expiry_timestamp_seconds", "failures_total"} {
		if !strings.Contains(metrics, "jackfield_repository_"+name) {
			t.Errorf("nothing is measured as %s", name)
		}
	}
	if strings.Contains(metrics, `"off"`) {
		t.Error("one that is disabled is measured")
	}
	seen := w.Repositories()[1].Seen
	if seen == nil || seen.Store != s.Name() || seen.Sequence != s.Sequence() {
		t.Errorf("it has seen %+v", seen)
	}
	if _, err := w.ForgetRepository(t.Context(), "off", host.Actor{Name: "ann"}); codeOf(err) != host.CodeConflict {
		t.Errorf("forgetting one that is disabled: %v", err)
	}
	if _, err := w.ForgetRepository(t.Context(), "other", host.Actor{Name: "ann"}); codeOf(err) != host.CodeNotFound {
		t.Errorf("forgetting one that is not there: %v", err)
	}
	if r, err := w.ForgetRepository(t.Context(), "acme", host.Actor{Name: "ann"}); err != nil || r.State != "never" || r.Seen != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	audit, err := w.FindAudit(t.Context(), host.AuditQuery{Action: "forget-repository"})
	if err != nil || len(audit.Events) != 1 || audit.Events[0].Target != "acme" || audit.Events[0].Actor != "ann" || !strings.Contains(string(audit.Events[0].Before), s.Name()) {
		t.Errorf("%+v, %v", audit, err)
	}
}
