package extcmd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// shop is a house that installs from repositories.
type shop struct {
	*house
	mu       sync.Mutex // guards the rest
	proposed host.Plan
	// then are how the plan is, one look after the other; the last stays.
	then     []host.Plan
	requests []host.PlanRequest
	started  []host.PlanRequest
	changed  []string
	offers   []host.Offer
	missing  []host.MissingRepository
	repos    []host.Repository
	hang     chan struct{} // what is available comes when it is closed
}

const maps = "org.example.maps.Maps"

func newShop() *shop {
	needs := []host.PlanNeed{{ID: maps, Digest: "sha256:3", Kind: host.PlanNeedPermission, What: "net:tiles.example.org:443"}}
	p := host.Plan{
		Kind: host.PlanInstall, State: host.PlanPlanned, Requested: []string{maps}, Needs: needs, Actor: "admin", Created: time.Unix(0, 0).UTC(),
		Steps: []host.PlanStep{
			{ID: "org.example.Base", Action: host.StepInstall, To: "2.3.0", Repository: "acme", Size: 2 << 20, Publisher: "Example", Why: []string{maps + " 3.1.0 requires org.example.Base >=2"}, State: host.StepPlanned},
			{ID: maps, Action: host.StepUpgrade, From: "3.0", To: "3.1.0", Repository: "acme", Size: 8 << 20, Publisher: "Ex\x1b[2Jample", Why: []string{"it was asked for"}, State: host.StepPlanned},
		},
	}
	s := &shop{house: &house{rows: rows()}, proposed: p}
	s.then = []host.Plan{s.at(host.PlanRunning, host.StepDownloading, host.StepPlanned), s.at(host.PlanRunning, host.StepRunning, host.StepInstalling), s.at(host.PlanSucceeded, host.StepRunning, host.StepRunning)}
	s.offers = []host.Offer{
		{ID: maps, Name: "Maps", Version: "3.1.0", Publisher: "Example", Repository: "acme", Installed: "3.0", Action: "update", Usable: true, Channel: "stable"},
		{ID: "org.example.Future", Name: "\x1b[31mred", Version: "9", Repository: "acme", Needs: "99.0", Channel: "beta", Deprecated: "use Maps"},
	}
	s.missing = []host.MissingRepository{{Name: "far", Message: "it does not\nanswer"}}
	s.repos = []host.Repository{
		{Name: "acme", Kind: "jackfield", URL: "https://store.acme.example", Priority: 10, Enabled: true, State: "ok", Listings: 37},
		{Name: "bank", Kind: "jameica", URL: "https://bank.example", Enabled: true, State: "stale", Code: "index_unreachable", Message: "no\x1b[2J answer"},
		{Name: "old", Kind: "jackfield", URL: "https://old.example", State: "never"},
	}
	return s
}

func (s *shop) at(state host.PlanState, steps ...host.StepState) host.Plan {
	p := s.proposed
	p.ID, p.State, p.Needs = "12", state, nil
	p.Steps = slices.Clone(p.Steps)
	for i, st := range steps {
		p.Steps[i].State, p.Steps[i].Total = st, p.Steps[i].Size
		if st == host.StepDownloading {
			p.Steps[i].Bytes = p.Steps[i].Size / 2
		}
	}
	return p
}

// fails has the plan end without success.
func (s *shop) fails(code string) {
	p := s.at(host.PlanFailed, host.StepUndone, host.StepFailed)
	p.Code, p.Message = code, "what happened\x1b[2J"
	p.Steps[1].Code, p.Steps[1].Message = code, "what happened to it"
	s.then = []host.Plan{s.then[0], p}
}

func (s *shop) Propose(_ context.Context, r host.PlanRequest) (host.Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	return s.proposed, s.refuse
}

func (s *shop) StartPlan(_ context.Context, r host.PlanRequest) (host.Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, r)
	p := s.proposed
	p.ID, p.State = "12", host.PlanRunning
	return p, s.refuse
}

func (s *shop) Plan(id string) (host.Plan, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.then[0]
	if len(s.then) > 1 {
		s.then = s.then[1:]
	}
	return p, id == "12"
}

func (s *shop) Plans() []host.Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []host.Plan{s.then[len(s.then)-1]}
}

func (s *shop) change(what, id string) (host.Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = append(s.changed, what+" "+id)
	return s.then[0], s.refuse
}

func (s *shop) CancelPlan(_ context.Context, id string, _ host.Actor) (host.Plan, error) {
	return s.change("cancel", id)
}

func (s *shop) UndoPlan(_ context.Context, id string, _ host.Actor) (host.Plan, error) {
	return s.change("undo", id)
}

func (s *shop) Available(ctx context.Context, q host.AvailableQuery) (host.OfferPage, error) {
	if s.hang != nil {
		select {
		case <-s.hang:
		case <-ctx.Done():
		}
	}
	page := host.OfferPage{Missing: s.missing}
	for _, o := range s.offers {
		if strings.Contains(o.ID+o.Name, q.Text) {
			page.Offers = append(page.Offers, o)
		}
	}
	return page, nil
}

func (s *shop) Outdated(context.Context) ([]host.Outdated, error) {
	return []host.Outdated{
		{ID: maps, Version: "3.0", Latest: "3.1.0", Repository: "acme", Automatic: true},
		{ID: hello, Version: "1.0.0", Latest: "2.0.0", Repository: "acme", Why: "another major version", Needs: []host.PlanNeed{{Kind: host.PlanNeedPermission, What: "kv"}}},
	}, s.refuse
}

func (s *shop) Findings() []host.Finding {
	return []host.Finding{{ID: hello, Version: "1.0.0", Revoked: "the key was\x1b[2J stolen", Advisories: []host.FoundAdvisory{{ID: "A-1", Severity: "critical", Title: "Anybody can steer it", Fixed: "2.0.0"}}}}
}

func (s *shop) Repositories() []host.Repository { return s.repos }

func (s *shop) RefreshRepository(_ context.Context, name string) (host.Repository, error) {
	for _, r := range s.repos {
		if r.Name == name {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changed = append(s.changed, "refresh "+name)
			return r, nil
		}
	}
	return host.Repository{}, &host.Error{Code: host.CodeNotFound, Message: "there is no repository " + name, Hint: "repositories are configured as repository.NAME.url"}
}

func (s *shop) ForgetRepository(ctx context.Context, name string, _ host.Actor) (host.Repository, error) {
	r, err := s.RefreshRepository(ctx, name)
	if err == nil {
		r.State, r.Seen = "never", nil
	}
	return r, err
}

func shopAt(t *testing.T, s *shop) string {
	t.Helper()
	return string(homeWith(t, s, s.followed, http.NotFoundHandler()))
}

func TestInstallFromRepositories(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want host.PlanRequest
	}{
		{"an id", []string{"install", maps, "--yes"}, host.PlanRequest{Install: []string{maps}}},
		{"versions, and several", []string{"install", maps + "@>=3 <4", "org.example.Base@2", "--yes", "--beta"}, host.PlanRequest{Install: []string{maps + "@>=3 <4", "org.example.Base@2"}, Beta: true}},
		{"an update", []string{"update", maps, "--yes"}, host.PlanRequest{Update: []string{maps}}},
		{"an update of everything", []string{"update", "--yes"}, host.PlanRequest{Update: []string{}, UpdateAll: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShop()
			out, said, err := extStreams(strings.NewReader(""), append(c.args, "--home", shopAt(t, s))...)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Actor, c.want.Remote = "admin", "127.0.0.1"
			if got := fmt.Sprintf("%+v", s.requests[0]); got != fmt.Sprintf("%+v", c.want) {
				t.Errorf("asked for %s", got)
			}
			c.want.Consent = s.proposed.Needs
			if got := fmt.Sprintf("%+v", s.started[0]); got != fmt.Sprintf("%+v", c.want) {
				t.Errorf("started %s", got)
			}
			for _, want := range []string{"upgrade  " + maps, "3.0   3.1.0  acme        8.0 MiB", maps + " asks to connect to tiles.example.org:443 (net:tiles.example.org:443)", `Ex\x1b[2Jample`, "requires org.example.Base >=2"} {
				if !strings.Contains(said, want) {
					t.Errorf("the plan lacks %q: %s", want, said)
				}
			}
			if !strings.Contains(out, "org.example.Base       install  -     2.3.0  acme        running") || strings.Contains(out+said, "\x1b") {
				t.Errorf("printed %q", out)
			}
		})
	}
}

func TestPlansThatAreOnlyShown(t *testing.T) {
	s := newShop()
	home := shopAt(t, s)
	for _, line := range []string{"install " + maps + " --dry-run", "plan " + maps, "update --dry-run"} {
		out, err := ext("", append(strings.Fields(line), "--home", home)...)
		if err != nil || !strings.Contains(out, "upgrade  "+maps) {
			t.Errorf("%s: %v, %s", line, err, out)
		}
	}
	var p host.Plan
	out, err := ext("", "plan", maps, "-o", "json", "--home", home)
	if err != nil || json.Unmarshal([]byte(out), &p) != nil || len(p.Steps) != 2 {
		t.Errorf("%v, %s", err, out)
	}
	// Without a terminal nobody consents.
	_, err = ext("", "install", maps, "--home", home)
	wantError(t, err, 2, "there is no terminal to ask at", "hint: pass --yes")
	if len(s.started) != 0 {
		t.Fatalf("started %+v", s.started)
	}
	s.proposed.Needs = nil // nothing to consent to
	if _, err = ext("", "install", maps, "--home", home); err != nil || len(s.started) != 1 {
		t.Errorf("%v", err)
	}
	out, err = ext("", "install", maps, "--no-wait", "-o", "json", "--home", home)
	if err != nil || json.Unmarshal([]byte(out), &p) != nil || p.ID != "12" || p.State != host.PlanRunning {
		t.Errorf("%v, %s", err, out)
	}
	// There already.
	s.proposed.Steps = []host.PlanStep{{ID: maps, Action: host.StepKeep, From: "3.1.0", To: "3.1.0"}}
	if out, err = ext("", "install", maps, "--home", home); err != nil || !strings.Contains(out, "keep") || len(s.started) != 2 {
		t.Errorf("%v, %s", err, out)
	}
	// No way.
	s.proposed.Steps = nil
	s.proposed.Problems = []host.PlanProblem{{Code: "conflict", Message: "no version of Base fits", Chain: []string{"Maps 3 requires Base >=2", "Old 1 requires\x1b[2J Base <2"}, Hints: []string{"remove Old first"}}}
	out, err = ext("", "install", maps, "--home", home)
	wantError(t, err, 1, "installing "+maps+": conflict: no version of Base fits", "hint: remove Old first")
	if !strings.Contains(out, "  Maps 3 requires Base >=2\n") {
		t.Errorf("the chain: %q", out)
	}
}

// TestEveryEndOfAPlan: for each way to fail the command ends, with the code and the text.
func TestEveryEndOfAPlan(t *testing.T) {
	for code, hint := range map[string]string{
		"index_unreachable": "hint: ", "index_expired": "hint: ", "release_gone": "hint: ", "disk_full": "hint: ", "chain_untrusted": "hint: ", "crashed": "hint: ", "init_failed": "hint: ",
		"no_such_code": "hint: nothing of it is installed", "canceled": "hint: ", "deadline_exceeded": "hint: ",
	} {
		s := newShop()
		s.fails(code)
		out, err := ext("", "install", maps, "--yes", "--home", shopAt(t, s))
		wantError(t, err, 1, "installing "+maps+": it is failed: "+code+`: what happened\x1b[2J`, hint)
		if !strings.Contains(out, "failed  "+code+": what happened to it") || !strings.Contains(out, "undone") {
			t.Errorf("%s: %s", code, out)
		}
	}
	s := newShop()
	s.refuse = &host.Error{Code: host.CodeNoPlan, Message: "there is none"}
	_, err := ext("", "install", maps, "--yes", "--home", shopAt(t, s))
	wantError(t, err, 1, "no_plan: there is none", "'jackfield ext plan ID' says why")
}

// TestFilesAndIDs: what is a file stays one.
func TestFilesAndIDs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"plain", "a.b.C"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("PK"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("org.example.Folder", 0o755); err != nil {
		t.Fatal(err)
	}
	for arg, file := range map[string]bool{
		"-": true, "x.jar": true, "X.JAR": true, "./x": true, "dist/x": true, "plain": true, "a.b.C": true,
		maps: false, maps + "@1.2": false, maps + "@>=1 <2": false, "org.example.Folder": false, "nothing": false,
	} {
		if isFile(arg) != file {
			t.Errorf("%q is a file: %v", arg, !file)
		}
	}
	home := shopAt(t, newShop())
	_, err := ext("", "install", maps, "x.jar", "--home", home)
	wantError(t, err, 2, "install takes one file")
	_, err = ext("", "install", maps, "--idempotency-key", "k", "--home", home)
	wantError(t, err, 2, "is no file")
	_, err = ext("", "install", "--home", home)
	if err == nil {
		t.Error("nothing is installed, and that is fine")
	}
}

func TestPlansAndTheirVerbs(t *testing.T) {
	s := newShop()
	home := shopAt(t, s)
	out, err := ext("", "plans", "--home", home)
	if err != nil || !strings.Contains(out, "12    install  "+maps+"  succeeded  admin") {
		t.Errorf("%v, %s", err, out)
	}
	s.then = []host.Plan{s.at(host.PlanRunning, host.StepInstalling), s.at(host.PlanUndone, host.StepUndone, host.StepUndone)}
	if out, err = ext("", "undo", "12", "--home", home); err != nil || !strings.Contains(out, "undone") {
		t.Errorf("%v, %s", err, out)
	}
	s.fails("canceled")
	if _, err = ext("", "cancel", "12", "-o", "json", "--home", home); err != nil {
		t.Error(err)
	}
	s.then = []host.Plan{s.at(host.PlanSucceeded, host.StepRunning, host.StepRunning)}
	_, err = ext("", "undo", "12", "--home", home)
	wantError(t, err, 1, `undoing "12": it is succeeded`)
	s.refuse = &host.Error{Code: host.CodeConflict, Message: "others need it", Others: []string{"org.b.B"}}
	_, err = ext("", "undo", "12", "--home", home)
	wantError(t, err, 1, "conflict: others need it", "org.b.B needs it", "'jackfield ext plans'")
	if strings.Contains(err.Error(), "--force") {
		t.Error("a flag is advised that there is not")
	}
	if got := strings.Join(s.changed, ", "); got != "undo 12, cancel 12, undo 12, undo 12" {
		t.Errorf("done: %s", got)
	}
}

func TestSearchOutdatedAndRepositories(t *testing.T) {
	s := newShop()
	home := shopAt(t, s)
	out, said, err := extStreams(strings.NewReader(""), "search", "--home", home)
	for _, want := range []string{maps + "  Maps", "update", `\x1b[31mred`, "needs host version 99.0; deprecated: use Maps; beta"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, the list lacks %q: %s", err, want, out)
		}
	}
	if said != `jackfield: warning: repository far: it does not\nanswer`+"\n" {
		t.Errorf("stderr %q", said)
	}
	if out, err = ext("", "search", "Map", "-o", "json", "--home", home); err != nil || strings.Contains(out, "Future") || !strings.Contains(out, `"missing": [`) {
		t.Errorf("%v, %s", err, out)
	}
	_, err = ext("", "search", "-n", "0", "--home", home)
	wantError(t, err, 2, "--limit is a number from 1 to 200")

	out, err = ext("", "outdated", "--home", home)
	for _, want := range []string{"3.0      3.1.0   acme        by itself", "by hand another major version  kv", `revoked   the key was\x1b[2J stolen`, "critical  Anybody can steer it (fixed in 2.0.0)"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, it lacks %q: %s", err, want, out)
		}
	}
	out, err = ext("", "repo", "list", "--home", home)
	for _, want := range []string{"acme  jackfield  10        ok", `stale     0           -        https://bank.example        index_unreachable: no\x1b[2J answer`, "disabled"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, it lacks %q: %s", err, want, out)
		}
	}
	if _, err = ext("", "repo", "refresh", "acme", "--home", home); err != nil {
		t.Error(err)
	}
	_, err = ext("", "repo", "refresh", "--home", home)
	wantError(t, err, 1, `refreshing "bank": it is stale: index_unreachable`)
	_, err = ext("", "repo", "refresh", "none", "--home", home)
	wantError(t, err, 1, "there is no repository none", "repository.NAME.url")
	if got := strings.Join(s.changed, ", "); got != "refresh acme, refresh acme, refresh bank" {
		t.Errorf("done: %s", got)
	}
}

func TestForgettingARepository(t *testing.T) {
	s := newShop()
	s.repos[0].Seen = &host.RepositorySeen{Store: "store.\x1bacme.example", Sequence: 412}
	home := shopAt(t, s)
	_, err := ext("", "repo", "forget", "acme", "--home", home)
	wantError(t, err, 2, "there is no terminal to ask at", "pass --yes")
	_, err = ext("", "repo", "forget", "none", "--yes", "--home", home)
	wantError(t, err, 1, "there is no repository none", "repository.NAME.url")
	seen, err := onTerminal(t, "n\n", "repo", "forget", "acme", "--home", home)
	wantError(t, err, 1, "nothing was forgotten")
	for _, want := range []string{`has seen catalogue 412 of the store store.\x1bacme.example`, "what an attacker wants", "forget acme? [y/N]"} {
		if !strings.Contains(seen, want) {
			t.Errorf("it does not say %q: %q", want, seen)
		}
	}
	if len(s.changed) != 0 {
		t.Errorf("done: %q", s.changed)
	}
	if _, err = onTerminal(t, "y\n", "repo", "forget", "acme", "--home", home); err != nil || len(s.changed) != 1 {
		t.Errorf("after a yes: %v, %q", err, s.changed)
	}
	out, err := ext("", "repo", "forget", "acme", "--yes", "--home", home)
	if err != nil || !strings.Contains(out, "never") {
		t.Errorf("%v, %s", err, out)
	}
	if out, err = ext("", "repo", "forget", "acme", "--yes", "-o", "json", "--home", home); err != nil || !strings.Contains(out, `"seen": null`) {
		t.Errorf("%v, %s", err, out)
	}
	for kind, want := range map[string]string{string(host.KindJameica): "who signed what it took", string(host.KindJackfield): "nothing was seen of this store yet"} {
		if text := lossOf(host.Repository{Kind: kind}); !strings.Contains(text, want) {
			t.Errorf("of %s: %q", kind, text)
		}
	}
}

func TestCompletionOfWhatRepositoriesHave(t *testing.T) {
	s := newShop()
	home := host.Home(shopAt(t, s))
	for _, c := range []struct{ name, line, want string }{
		{"what is available", "install|org.", maps + "\t3.1.0 Maps\n"},
		{"more of it", "install|" + maps + "|", "org.example.Future"},
		{"a plan", "plan|", maps + "\t3.1.0 Maps\n"},
		{"files at first", "install|", "jar\n"},
		{"installed", "update|", hello + "\t1.0.0 running\n"},
		{"plans", "undo|", "12\tsucceeded " + maps + "\n"},
		{"repositories", "repo|refresh|", "bank\tstale https://bank.example\n"},
		{"one to forget", "repo|forget|", "bank\tstale https://bank.example\n"},
	} {
		got := complete(t, home, strings.Split(c.line, "|")...)
		if !strings.Contains(got, c.want) || strings.Contains(got, "\x1b") {
			t.Errorf("%s: %q lacks %q", c.name, got, c.want)
		}
	}
	// Repositories that do not answer hold nobody who has pressed a key.
	s.hang = make(chan struct{})
	t.Cleanup(func() { close(s.hang) })
	if got := complete(t, home, "plan", ""); strings.Contains(got, maps) {
		t.Errorf("%q", got)
	}
}
