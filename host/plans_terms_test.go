package host_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/host/internal/updatepolicy"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

func TestPlanAsksForConsent(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{version: "1", permissions: "events, kv"})
	w := installer(t, t.TempDir(), s)
	dry, err := w.Propose(t.Context(), request(theID))
	if err != nil || len(dry.Needs) != 2 || dry.Needs[1].What != "kv" || dry.Needs[1].Kind != "permission" || dry.Needs[1].Digest != dry.Steps[0].Digest {
		t.Fatalf("proposed: %+v, %v", dry, err)
	}
	var refusal *host.Error
	r := request(theID)
	r.Consent = dry.Needs[:1]
	if p, err := w.StartPlan(t.Context(), r); !errors.As(err, &refusal) || refusal.Code != "needs_consent" || len(p.Needs) != 1 || p.ID != "" {
		t.Fatalf("without consent: %+v, %v", p, err)
	}
	if r.Consent = slices.Clone(dry.Needs); true {
		r.Consent[0].Digest = "sha256:of other bytes"
	}
	if _, err := w.StartPlan(t.Context(), r); !errors.As(err, &refusal) || refusal.Code != "needs_consent" {
		t.Fatalf("with consent to other bytes: %v", err)
	}
	r.Consent = dry.Needs
	if p := w.awaitOver(w.begins(r).ID); p.State != "succeeded" {
		t.Fatalf("with consent: %+v\n%s", p, w.log)
	}
	row := w.awaitRunning(theID, "1")
	holds(t, row, []string{"events by ann", "kv by ann"}, []string{})
}

func pinOf(t *testing.T, a *trusttest.Authority) string {
	t.Helper()
	pin, err := trust.Pin(a.Organization.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return pin
}

func TestPlanKeepsThePublisher(t *testing.T) {
	t.Parallel()
	a, other := acme(t), trusttest.NewAuthority(t, trusttest.For("other.example", theID))
	s := openShop(t)
	publish := func(version string, by *trusttest.Authority) {
		s.PublishFile(theID, version, signed(t, moody{version: version, overlap: true}.jar(t), by), func(l *store.Listing, r *store.Release) {
			l.Publisher.Pin = pinOf(t, by)
			l.Releases = nil
		})
	}
	publish("1", a)
	home := t.TempDir()
	trusts(t, home, a)
	trusts(t, home, other)
	w := installer(t, home, s, func(cfg *host.Config) { cfg.Trust = host.Trust{Policy: "require", Revocation: "soft"} })
	if p := w.awaitOver(w.begins(request(theID)).ID); p.State != "succeeded" {
		t.Fatalf("the first version: %+v\n%s", p, w.log)
	}
	publish("2", other)
	r := host.PlanRequest{Update: []string{theID}, Actor: "ann"}
	p, err := w.StartPlan(t.Context(), r)
	var refusal *host.Error
	if !errors.As(err, &refusal) || refusal.Code != "needs_consent" || len(p.Needs) != 1 || p.Needs[0].Kind != "publisher" || p.Needs[0].What != pinOf(t, other) {
		t.Fatalf("of another publisher: %+v, %v", p, err)
	}
	r.Consent = p.Needs
	if p := w.awaitOver(w.begins(r).ID); p.State != "succeeded" {
		t.Fatalf("with consent: %+v\n%s", p, w.log)
	}
	w.awaitRunning(theID, "2")

	// A repository that names the old publisher, and gives what another one has signed.
	s.PublishFile(theID, "3", signed(t, moody{version: "3"}.jar(t), a), func(l *store.Listing, _ *store.Release) {
		l.Publisher.Pin = pinOf(t, other)
		l.Releases = nil
	})
	if p := w.awaitOver(w.begins(host.PlanRequest{Update: []string{theID}}).ID); p.State != "failed" || p.Code != "publisher_changed" {
		t.Errorf("of a repository that lies: %+v", p)
	}
	w.awaitRunning(theID, "2")
}

func TestPlanOfALowerVersionHoldsIt(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{version: "1", overlap: true})
	s.offer(t, moody{version: "2", overlap: true})
	w := installer(t, t.TempDir(), s)
	w.awaitOver(w.begins(request(theID)).ID)
	w.awaitRunning(theID, "2")
	p := w.awaitOver(w.begins(request(theID + "@1")).ID)
	if p.State != "succeeded" || p.Steps[0].Action != "downgrade" || p.Steps[0].From != "2" {
		t.Fatalf("the plan: %+v\n%s", p, w.log)
	}
	if row := w.awaitRunning(theID, "1"); !slices.ContainsFunc(row.Versions, func(v host.Version) bool { return v.Pinned && v.Version == "1" }) {
		t.Errorf("it is not held: %+v", row.Versions)
	}
	if list, err := w.Outdated(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("what is pinned is outdated: %+v, %v", list, err)
	}
	if _, err := w.UndoPlan(t.Context(), p.ID, ann()); err != nil {
		t.Fatal(err)
	}
	w.awaitOver(p.ID)
	w.awaitRunning(theID, "2")
}

// TestPlanYields: whoever changes an extension by hand goes before.
func TestPlanYields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		act  func(w *world)
		code string
		runs string
	}{
		{"a bundle is uploaded while it downloads", func(w *world) {
			if _, err := w.upload(moody{version: "3"}.jar(w.t), false); err != nil {
				w.t.Error(err)
			}
			w.awaitRunning(theID, "3")
		}, "changed", "3"},
		{"a bundle is dropped while it downloads", func(w *world) {
			w.put("mine.jar", moody{version: "1.5"}.jar(w.t))
			w.awaitRunning(theID, "1.5")
		}, "changed", "1.5"},
		{"it is removed while it downloads", func(w *world) {
			if _, err := w.Act(w.t.Context(), host.Action{Verb: host.VerbRemove, ID: theID, Actor: ann()}); err != nil {
				w.t.Error(err)
			}
			w.await(theID, "gone", func(_ host.Extension, found bool) bool { return !found })
		}, "changed", ""},
		{"it is pinned while it downloads", func(w *world) {
			w.do(host.Action{Verb: host.VerbPin, ID: theID})
		}, "changed", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			s.offer(t, moody{version: "1"})
			w := installer(t, t.TempDir(), s)
			w.awaitOver(w.begins(request(theID)).ID)
			s.offer(t, moody{version: "2"})
			held := make(chan struct{})
			s.spoils(func(http.ResponseWriter, *http.Request) bool { <-held; return false })
			id := w.begins(host.PlanRequest{UpdateAll: true}).ID
			w.awaitPlan(id, "downloading", func(p host.Plan) bool { return p.Steps[0].State == "downloading" })
			c.act(w)
			close(held)
			if p := w.awaitOver(id); p.State != "failed" || p.Code != c.code {
				t.Errorf("the plan: %+v\n%s", p, w.log)
			}
			if c.runs != "" {
				w.awaitRunning(theID, c.runs)
			} else if _, there := w.Extension(theID); there {
				t.Error("what was removed is there again")
			}
		})
	}
}

// TestPlanGoesOnAfterARestart: what was downloaded is not downloaded again.
func TestPlanGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.deep(t, "1")
	home := t.TempDir()
	w := installer(t, home, s)
	s.spoils(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, deepA) {
			<-r.Context().Done()
			return true
		}
		return false
	})
	id := w.begins(request(deepA)).ID
	w.awaitPlan(id, "downloading the last", func(p host.Plan) bool { return p.Steps[2].State == "downloading" })
	w.stop()
	s.mends()
	s.files.Store(0)
	w = installer(t, home, s)
	if p := w.awaitOver(id); p.State != "succeeded" {
		t.Errorf("after a restart: %+v\n%s", p, w.log)
	}
	if n := s.files.Load(); n != 1 {
		t.Errorf("%d files were asked for after a restart, want 1", n)
	}
	w.awaitRunning(deepA, "1")
	w.stop()
	w = startQuick(t, home)
	if p, ok := w.Plan(id); !ok || p.State != "succeeded" {
		t.Errorf("after another restart: %+v", p)
	}
}

func TestRevokedIsStoppedAndAdvisoriesAreShown(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{version: "1"})
	home := t.TempDir()
	w := installer(t, home, s)
	w.awaitOver(w.begins(request(theID)).ID)
	s.Advise([]store.Advisory{{ID: "JFA-2026-0001", Listing: theID, Affected: "<2", Fixed: "2", Severity: store.High, Title: "it leaks"}}, nil)
	w.RepositoriesChanged()
	if !eventually(func() bool {
		f := w.Findings()
		return len(f) == 1 && len(f[0].Advisories) == 1 && f[0].Advisories[0].Fixed == "2"
	}) {
		t.Fatalf("found: %+v", w.Findings())
	}
	s.Advise(nil, []store.Revocation{{Listing: theID, Version: "1", Reason: "its key was stolen"}})
	w.RepositoriesChanged()
	row := w.awaitRefused(theID, "revoked")
	if !strings.Contains(row.Reason.Message, "its key was stolen") || w.Findings()[0].Revoked == "" {
		t.Errorf("the row: %+v; found: %+v", row.Reason, w.Findings())
	}
	w.stop()

	// It does not run after a restart, though nobody can be asked.
	w = startQuick(t, home)
	w.awaitRefused(theID, "revoked")
	for _, e := range w.history(theID)[1:] {
		if e.Kind == "started" && e.Time.After(row.Reason.Time) {
			t.Errorf("it was started though it is revoked: %+v", e)
		}
	}
	w.stop()

	s.offer(t, moody{version: "2"})
	w = installer(t, home, s)
	if p := w.awaitOver(w.begins(host.PlanRequest{Update: []string{theID}}).ID); p.State != "succeeded" {
		t.Fatalf("the fixed version: %+v\n%s", p, w.log)
	}
	w.awaitRunning(theID, "2")
	if !eventually(func() bool { return len(w.Findings()) == 0 }) {
		t.Errorf("found: %+v", w.Findings())
	}
}

func TestUpdatesThatComeByThemselves(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{class: deepA, version: "1.0.0"})
	s.offer(t, moody{class: deepB, version: "1.0.0"})
	s.offer(t, moody{class: deepC, version: "1.0.0"})
	home := t.TempDir()
	w := installer(t, home, s)
	w.awaitOver(w.begins(request(deepA, deepB, deepC)).ID)
	w.stop()
	s.offer(t, moody{class: deepA, version: "1.0.1"})
	s.offer(t, moody{class: deepA, version: "1.1.0"})
	s.offer(t, moody{class: deepB, version: "1.0.1", permissions: "kv"})
	s.offer(t, moody{class: deepC, version: "1.0.1", mood: "activate"})
	w = installer(t, home, s, func(cfg *host.Config) { cfg.Updates.Auto = updatepolicy.AutoPatch })
	w.awaitRunning(deepA, "1.0.1")
	w.awaitSomePlan(func(p host.Plan) bool { return p.Actor == "host" && p.State == "failed" && p.Steps[0].ID == deepC })
	outdated := map[string]bool{}
	list, err := w.Outdated(t.Context())
	for _, o := range list {
		outdated[o.ID+" "+o.Latest] = o.Automatic
	}
	if err != nil || outdated[deepA+" 1.1.0"] || outdated[deepB+" 1.0.1"] || len(list) != 3 {
		t.Errorf("outdated: %+v, %v", list, err)
	}
	plans := len(w.Plans())
	w.RepositoriesChanged()
	if _, err := w.Propose(t.Context(), request(deepA)); err != nil {
		t.Error(err)
	}
	w.awaitRunning(deepB, "1.0.0")
	w.awaitRunning(deepC, "1.0.0")
	w.RepositoriesChanged()
	if now := len(w.Plans()); now != plans {
		t.Errorf("what has failed is tried again: %+v", w.Plans())
	}
}

// TestRevokedWhileAnUpdateDownloads: an update that comes by itself, and takes for ever, keeps
// nothing running that is revoked meanwhile.
func TestRevokedWhileAnUpdateDownloads(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{class: deepA, version: "1.0.0"})
	s.offer(t, moody{class: deepB, version: "1.0.0"})
	home := t.TempDir()
	w := installer(t, home, s)
	w.awaitOver(w.begins(request(deepA, deepB)).ID)
	w.stop()
	s.offer(t, moody{class: deepA, version: "1.0.1"})
	s.spoils(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, deepA) {
			<-r.Context().Done()
			return true
		}
		return false
	})
	w = installer(t, home, s, func(cfg *host.Config) { cfg.Updates.Auto = updatepolicy.AutoPatch })
	w.awaitSomePlan(func(p host.Plan) bool { return p.Actor == "host" && p.Steps[0].State == "downloading" })
	s.Advise(nil, []store.Revocation{{Listing: deepB, Version: "1.0.0", Reason: "its key was stolen"}})
	w.RepositoriesChanged()
	w.awaitRefused(deepB, "revoked")
	if !slices.ContainsFunc(w.Plans(), func(p host.Plan) bool { return p.Actor == "host" && !p.State.Over() }) {
		t.Errorf("the update is over: %+v", w.Plans())
	}
}

// awaitSomePlan polls until ok is true of some plan.
func (w *world) awaitSomePlan(ok func(host.Plan) bool) {
	w.t.Helper()
	if !within(func() bool { return slices.ContainsFunc(w.Plans(), ok) }) {
		w.t.Fatalf("there is no such plan: %+v\n%s", w.Plans(), w.log)
	}
}

// TestUnfinishedLandingIsTakenBack: of a plan that was landing when the host was killed one
// private copy is damaged. All is as it was before, already when the folder is looked at.
func TestUnfinishedLandingIsTakenBack(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{class: deepB, version: "1"})
	s.offer(t, moody{class: deepA, version: "1", requires: deepB + " >=1 <2"})
	home := t.TempDir()
	w := installer(t, home, s)
	w.awaitOver(w.begins(request(deepA)).ID)
	s.offer(t, moody{class: deepB, version: "2"})
	data := s.offer(t, moody{class: deepA, version: "2", requires: deepB + " >=2"})
	slow := func(cfg *host.Config) {
		settings := cfg.Settings
		cfg.Settings = func(id string) host.Settings {
			x := settings(id)
			x.Probation = time.Hour // it is landing for as long
			return x
		}
	}
	w.stop()
	w = installer(t, home, s, slow)
	id := w.begins(host.PlanRequest{UpdateAll: true}).ID
	w.awaitPlan(id, "running", func(p host.Plan) bool { return p.Steps[0].State == "running" && p.Steps[1].State == "running" })
	w.stop()
	copied := filepath.Join(w.home.Bundles(), strings.TrimPrefix(store.Digest(data), "sha256:"), "bundle.jar")
	if err := os.Chmod(copied, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	w = installer(t, home, s)
	p := w.awaitOver(id)
	if p.State != "failed" || p.Steps[1].State != "failed" {
		t.Errorf("the plan: %+v\n%s", p, w.log)
	}
	w.awaitRunning(deepA, "1")
	w.awaitRunning(deepB, "1")
	if got := w.folder(); !slices.Equal(got, []string{deepA + "-1.jar", deepB + "-1.jar"}) {
		t.Errorf("in the folder: %q", got)
	}
}
