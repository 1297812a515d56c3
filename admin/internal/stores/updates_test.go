package stores

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// TestUpdates: the page has what is known, and says what is not.
func TestUpdates(t *testing.T) {
	broken := errors.New("the disk is on fire")
	installed := []host.Extension{{ID: "org.a.A", Name: "Ay"}}
	rows := []host.Outdated{{ID: "org.a.A", Version: "1", Latest: "2"}, {ID: "org.gone.G", Version: "1", Latest: "2"}}
	for _, c := range []struct {
		name      string
		change    func(*house)
		code      string // of the problem on the page
		err       error  // instead of a page
		rows      []string
		findings  []string
		changelog string
		plans     int
	}{
		{name: "no repository is configured", change: func(h *house) { h.repositories = nil }},
		{name: "everything is up to date", change: func(h *house) { h.outdated = func() ([]host.Outdated, error) { return nil, nil } }},
		{name: "some are not", change: func(h *house) {
			h.outdated = func() ([]host.Outdated, error) { return rows, nil }
			h.offers = []host.Offer{{ID: "org.a.A", Version: "2", Changelog: "- corridors"}}
		}, rows: []string{"Ay", "org.gone.G"}, changelog: "- corridors"},
		{name: "a changelog of another version is none of it", change: func(h *house) {
			h.outdated = func() ([]host.Outdated, error) { return rows, nil }
			h.offers = []host.Offer{{ID: "org.a.A", Version: "3", Changelog: "- corridors"}}
		}, rows: []string{"Ay", "org.gone.G"}},
		{name: "the host refuses", change: func(h *house) {
			h.outdated = func() ([]host.Outdated, error) {
				return nil, &host.Error{Code: host.CodeUnavailable, Message: "not now"}
			}
			h.findings = []host.Finding{{ID: "org.a.A"}}
		}, code: host.CodeUnavailable, findings: []string{"Ay"}},
		{name: "something goes wrong", change: func(h *house) { h.outdated = func() ([]host.Outdated, error) { return nil, broken } }, err: broken},
		{name: "the worst stands on top", change: func(h *house) {
			h.outdated = func() ([]host.Outdated, error) { return rows, nil }
			advisories := func(severities ...string) (list []host.FoundAdvisory) {
				for _, s := range severities {
					list = append(list, host.FoundAdvisory{Severity: s})
				}
				return list
			}
			h.findings = []host.Finding{{ID: "nothing"}, {ID: "odd", Advisories: advisories("apocalyptic", "")}, {ID: "low", Advisories: advisories("low")}, {ID: "org.a.A", Advisories: advisories("medium", "critical")}, {ID: "high", Advisories: advisories("high")}, {ID: "revoked", Revoked: "stolen"}}
		}, rows: []string{"Ay", "org.gone.G"}, findings: []string{"revoked", "Ay /admin/plans/new?update=org.a.A", "high", "low", "nothing", "odd"}},
		{name: "many plans", change: func(h *house) {
			h.outdated = func() ([]host.Outdated, error) { return nil, nil }
			h.plans = make([]host.Plan, 100)
		}, plans: 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, repositories: []host.Repository{acme()}, extensions: installed}
			c.change(h)
			a := h.ask(admin(), "GET", UpdatesPath, nil)
			if c.err != nil {
				if !errors.Is(a.err, c.err) || a.page != nil {
					t.Errorf("answered %v, %v", a.err, a.page)
				}
				return
			}
			v := shown[Updates](t, a)
			if v.Problem == nil && c.code != "" || v.Problem != nil && v.Problem.Code != c.code {
				t.Errorf("the problem is %+v", v.Problem)
			}
			var names, findings []string
			for _, r := range v.Rows {
				names = append(names, r.Name)
			}
			for _, f := range v.Findings {
				findings = append(findings, strings.TrimSpace(f.Name+" "+f.Review))
			}
			if !slices.Equal(names, c.rows) || !slices.Equal(findings, c.findings) || len(v.Plans) != c.plans || len(v.Rows) > 0 && v.Rows[0].Changelog != c.changelog {
				t.Errorf("rows %q, findings %q, %d plans: %+v", names, findings, len(v.Plans), v.Rows)
			}
		})
	}
}

// TestChangelogsAreNotWaitedFor: a repository that does not answer holds the page for two
// seconds in all, and it is asked about so many extensions only.
func TestChangelogsAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		h := &house{t: t, repositories: []host.Repository{acme()}, outdated: func() (list []host.Outdated, _ error) {
			for i := range 100 {
				list = append(list, host.Outdated{ID: fmt.Sprint(i), Latest: "2"})
			}
			return list, nil
		}, one: func(ctx context.Context, id string) (host.Offer, error) {
			if asked++; asked == 1 {
				return host.Offer{ID: id, Version: "2", Changelog: "x"}, nil
			}
			<-ctx.Done()
			return host.Offer{}, ctx.Err()
		}}
		began := time.Now()
		v := shown[Updates](t, h.ask(viewer(), "GET", UpdatesPath, nil))
		if took := time.Since(began); took != changelogPatience || asked > mostChangelogs || len(v.Rows) != 100 || v.Rows[0].Changelog != "x" || v.Rows[1].Changelog != "" {
			t.Errorf("after %s and %d questions: %d rows", took, asked, len(v.Rows))
		}
	})
}

func TestRefresh(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   host.Repository
		err      error
		left, to string
		code     string
	}{
		{name: "it answers", answer: host.Repository{Name: "acme", State: "ok"}, left: "ok refreshed-ok acme", to: "/admin/repositories"},
		{name: "it does not", answer: host.Repository{Name: "acme", State: "error"}, left: "bad refreshed-bad acme", to: "/admin/repositories"},
		{name: "it is as before", answer: host.Repository{Name: "acme", State: "stale"}, left: "bad refreshed-bad acme", to: "/admin/repositories"},
		{name: "there is none", err: &host.Error{Code: host.CodeNotFound, Message: "no such repository"}, code: host.CodeNotFound},
	} {
		h := &house{t: t, refresh: func(_ context.Context, name string) (host.Repository, error) {
			if name != "a/b" {
				t.Errorf("looked at %q", name)
			}
			return c.answer, c.err
		}}
		if a := h.ask(admin(), "POST", RepositoriesPath+"/a%2Fb", nil); a.left != c.left || a.to != c.to || a.code() != c.code {
			t.Errorf("%s: %q, to %q, %v", c.name, a.left, a.to, a.err)
		}
	}
}

// TestRefreshAll: all that are in use are looked at, four at once, and no longer than two
// minutes; one that is unwell is named.
func TestRefreshAll(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(ctx context.Context, name string) (host.Repository, error)
		left   string
		takes  time.Duration
	}{
		{"all answer", func(context.Context, string) (host.Repository, error) {
			time.Sleep(time.Second)
			return host.Repository{State: "ok"}, nil
		}, "ok refreshed-all", 3 * time.Second},
		{"one has a fault", func(_ context.Context, name string) (host.Repository, error) {
			if name == "r7" {
				return host.Repository{State: "error"}, nil
			}
			return host.Repository{State: "ok"}, nil
		}, "bad refreshed-bad r7", 0},
		{"one is gone meanwhile", func(_ context.Context, name string) (host.Repository, error) {
			if name == "r2" {
				return host.Repository{State: "ok"}, &host.Error{Code: host.CodeNotFound}
			}
			return host.Repository{State: "ok"}, nil
		}, "bad refreshed-bad r2", 0},
		{"one does not answer", func(ctx context.Context, name string) (host.Repository, error) {
			if name == "r1" {
				<-ctx.Done()
				return host.Repository{}, ctx.Err()
			}
			return host.Repository{State: "ok"}, nil
		}, "bad refreshed-bad r1", refreshPatience},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &house{t: t}
				for i := range 10 {
					h.repositories = append(h.repositories, host.Repository{Name: fmt.Sprint("r", i), Enabled: true})
				}
				h.repositories = append(h.repositories, host.Repository{Name: "off"})
				var mu sync.Mutex
				var looked []string
				now, most := 0, 0
				h.refresh = func(ctx context.Context, name string) (host.Repository, error) {
					mu.Lock()
					looked, now = append(looked, name), now+1
					most = max(most, now)
					mu.Unlock()
					defer func() { mu.Lock(); now--; mu.Unlock() }()
					return c.answer(ctx, name)
				}
				began := time.Now()
				a := h.ask(admin(), "POST", RepositoriesPath, nil)
				if took := time.Since(began); a.err != nil || a.left != c.left || a.to != UpdatesPath || took != c.takes {
					t.Errorf("after %s: %q, to %q, %v", took, a.left, a.to, a.err)
				}
				if len(looked) != 10 || slices.Contains(looked, "off") || most > refreshing {
					t.Errorf("looked at %q, %d at once", looked, most)
				}
			})
		})
	}
}

// TestPolicy: what is not set is not known, and other settings are none of it.
func TestPolicy(t *testing.T) {
	h := &house{t: t, settings: []host.Setting{{Key: "update.auto", Value: "minor"}, {Key: "update.auto.x", Value: "all"}, {Key: "admin.token", Value: "secret"}}}
	if v := shown[Updates](t, h.ask(viewer(), "GET", UpdatesPath, nil)); v.Policy != (Policy{Auto: "minor"}) {
		t.Errorf("%+v", v.Policy)
	}
}
