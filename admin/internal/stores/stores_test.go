package stores

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// house is a host of which a test says what it knows. What it does not say how to answer must
// not be asked.
type house struct {
	t            *testing.T
	extensions   []host.Extension
	repositories []host.Repository
	settings     []host.Setting
	findings     []host.Finding
	offers       []host.Offer // AvailableOne has them, unless one is set

	available func(host.AvailableQuery) (host.OfferPage, error)
	one       func(ctx context.Context, id string) (host.Offer, error)
	outdated  func() ([]host.Outdated, error)
	refresh   func(ctx context.Context, name string) (host.Repository, error)
	forget    func(name string, by host.Actor) (host.Repository, error)
	propose   func(host.PlanRequest) (host.Plan, error)
	start     func(host.PlanRequest) (host.Plan, error)
	change    func(verb, id string, by host.Actor) (host.Plan, error)

	mu     sync.Mutex // guards plans
	plans  []host.Plan
	told   chan struct{} // a notice of something
	closed int           // how many have ended to listen
}

var errUnexpected = errors.New("this must not be asked")

func (h *house) unexpected(what string) error {
	h.t.Errorf("the host was asked for %s", what)
	return errUnexpected
}

func (h *house) Extension(id string) (host.Extension, bool) {
	for _, e := range h.extensions {
		if e.ID == id {
			return e, true
		}
	}
	return host.Extension{}, false
}

func (h *house) Settings() []host.Setting        { return h.settings }
func (h *house) Repositories() []host.Repository { return h.repositories }
func (h *house) Findings() []host.Finding        { return h.findings }

func (h *house) RefreshRepository(ctx context.Context, name string) (host.Repository, error) {
	if h.refresh == nil {
		return host.Repository{}, h.unexpected("a look at " + name)
	}
	return h.refresh(ctx, name)
}

func (h *house) ForgetRepository(_ context.Context, name string, by host.Actor) (host.Repository, error) {
	if h.forget == nil {
		return host.Repository{}, h.unexpected("to forget " + name)
	}
	return h.forget(name, by)
}

func (h *house) Available(_ context.Context, q host.AvailableQuery) (host.OfferPage, error) {
	if h.available == nil {
		return host.OfferPage{}, h.unexpected("what is available")
	}
	return h.available(q)
}

func (h *house) AvailableOne(ctx context.Context, id string) (host.Offer, error) {
	if h.one != nil {
		return h.one(ctx, id)
	}
	for _, o := range h.offers {
		if o.ID == id {
			return o, nil
		}
	}
	return host.Offer{}, &host.Error{Code: host.CodeNotFound, Message: "no repository offers " + id}
}

func (h *house) OfferIcon(_ context.Context, id string) (host.Icon, error) {
	return host.Icon{}, h.unexpected("the icon of " + id) // pages name its address only
}

func (h *house) Outdated(context.Context) ([]host.Outdated, error) {
	if h.outdated == nil {
		return nil, h.unexpected("what is outdated")
	}
	return h.outdated()
}

func (h *house) Propose(_ context.Context, r host.PlanRequest) (host.Plan, error) {
	if h.propose == nil {
		return host.Plan{}, h.unexpected("a plan")
	}
	return h.propose(r)
}

func (h *house) StartPlan(_ context.Context, r host.PlanRequest) (host.Plan, error) {
	if h.start == nil {
		return host.Plan{}, h.unexpected("the start of a plan")
	}
	return h.start(r)
}

func (h *house) Plans() []host.Plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.plans
}

func (h *house) Plan(id string) (host.Plan, bool) {
	for _, p := range h.Plans() {
		if p.ID == id {
			return p, true
		}
	}
	return host.Plan{}, false
}

// now has the plans be these, and tells so.
func (h *house) now(plans ...host.Plan) {
	h.mu.Lock()
	h.plans = plans
	h.mu.Unlock()
	h.told <- struct{}{}
}

func (h *house) CancelPlan(_ context.Context, id string, by host.Actor) (host.Plan, error) {
	return h.changed("cancel", id, by)
}

func (h *house) UndoPlan(_ context.Context, id string, by host.Actor) (host.Plan, error) {
	return h.changed("undo", id, by)
}

func (h *house) changed(verb, id string, by host.Actor) (host.Plan, error) {
	if h.change == nil {
		return host.Plan{}, h.unexpected("to " + verb + " " + id)
	}
	return h.change(verb, id, by)
}

func (h *house) Next(ctx context.Context) (host.Notice, error) {
	select {
	case _, ok := <-h.told:
		if !ok {
			return host.Notice{}, io.EOF
		}
		return host.Notice{Kind: host.NoticePlan}, nil
	case <-ctx.Done():
		return host.Notice{}, ctx.Err()
	}
}

func (h *house) Close() { h.closed++ }

// People, each with a session; and a program, which has none.
func admin() access.Identity {
	return access.Identity{Name: "ada", Role: access.Administrator, Via: access.ViaSession, Proof: "proof"}
}

func viewer() access.Identity {
	return access.Identity{Name: "vera", Role: access.Viewer, Via: access.ViaSession, Proof: "proof"}
}

func program() access.Identity {
	return access.Identity{Name: "ci", Role: access.Administrator, Via: access.ViaToken}
}

// answer is what a Desk has done with a request.
type answer struct {
	page *Page  // that was shown, nil for none
	left string // what the next page says
	to   string // where it leads
	body string
	err  error
}

// code is that of the problem with which it was answered, "" for none.
func (a answer) code() string {
	if p := web.ProblemOf(a.err); p != nil {
		return p.Code
	}
	return ""
}

// ask has somebody send a request; form is the body of a POST.
func (h *house) ask(who access.Identity, method, target string, form url.Values) answer {
	h.t.Helper()
	return h.askUntil(h.t.Context(), who, method, target, form)
}

// askUntil is ask of somebody who leaves when ctx ends.
func (h *house) askUntil(ctx context.Context, who access.Identity, method, target string, form url.Values) answer {
	h.t.Helper()
	var a answer
	desk := New(Config{
		Host:   h,
		Render: func(_ http.ResponseWriter, _ *http.Request, p Page) error { a.page = &p; return nil },
		Leave: func(_ http.ResponseWriter, _ *http.Request, kind, name string, args ...string) {
			a.left = strings.Join(append([]string{kind, name}, args...), " ")
		},
		Events:  func(uint64) (web.Notices, error) { return h, nil },
		Streams: web.NewStreams(nil),
	})
	mux := http.NewServeMux()
	for _, route := range desk.Routes() {
		mux.HandleFunc(route.Method+" "+route.Path, func(w http.ResponseWriter, r *http.Request) { a.err = route.Serve(w, r) })
	}
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r = r.WithContext(access.With(r.Context(), who))
	if err := r.ParseForm(); err != nil {
		h.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	a.to, a.body = w.Header().Get("Location"), w.Body.String()
	return a
}

// shown is what the page shows, which must have been answered with.
func shown[T any](t *testing.T, a answer) T {
	t.Helper()
	if a.err != nil || a.page == nil {
		t.Fatalf("no page was shown: %v", a.err)
	}
	v, ok := a.page.Data.(T)
	if !ok {
		t.Fatalf("the page shows a %T", a.page.Data)
	}
	return v
}

// acme is a repository that is as it should be.
func acme() host.Repository {
	return host.Repository{Name: "acme", URL: "https://store.acme.example/", Enabled: true, State: "ok"}
}

// TestStanding: the page of an extension says what is known of it at once, and waits for
// nobody.
func TestStanding(t *testing.T) {
	step := func(action host.StepAction, to string) []host.PlanStep {
		return []host.PlanStep{{ID: "org.b.B", Action: host.StepInstall, To: "7"}, {ID: "org.a.A", Action: action, To: to}}
	}
	for _, c := range []struct {
		name         string
		who          access.Identity
		change       func(*house)
		update, plan string // the version that is offered, the plan by which it came
		finding      string // why it is revoked
		undo         bool
		takes        time.Duration
	}{
		{name: "nothing is known", who: admin(), change: func(h *house) { h.one = nil }},
		{name: "nobody is asked where there is no repository", who: admin(), change: func(h *house) {
			h.repositories, h.one = nil, func(context.Context, string) (host.Offer, error) { return host.Offer{}, h.unexpected("an offer") }
		}},
		{name: "an update", who: viewer(), change: func(h *house) { h.offers = []host.Offer{{ID: "org.a.A", Version: "2", Action: "update"}} }, update: "2"},
		{name: "what is there already", who: admin(), change: func(h *house) { h.offers = []host.Offer{{ID: "org.a.A", Version: "1", Action: "none"}} }},
		{name: "an offer that comes with an error", who: admin(), change: func(h *house) {
			h.one = func(context.Context, string) (host.Offer, error) {
				return host.Offer{ID: "org.a.A", Version: "2", Action: "update"}, errors.New("half read")
			}
		}},
		{name: "a repository that does not answer", who: admin(), change: func(h *house) {
			h.one = func(ctx context.Context, _ string) (host.Offer, error) { <-ctx.Done(); return host.Offer{}, ctx.Err() }
		}, takes: 500 * time.Millisecond},
		{name: "another one's finding", who: admin(), change: func(h *house) { h.findings = []host.Finding{{ID: "org.b.B", Revoked: "stolen"}} }},
		{name: "its finding", who: admin(), change: func(h *house) {
			h.findings = []host.Finding{{ID: "org.b.B"}, {ID: "org.a.A", Revoked: "stolen"}}
		}, finding: "stolen"},
		{name: "the plan by which it came", who: admin(), change: func(h *house) {
			h.plans = []host.Plan{{ID: "9", State: host.PlanFailed, Steps: step(host.StepUpgrade, "1")}, {ID: "8", State: host.PlanSucceeded, Steps: step(host.StepKeep, "1")}, {ID: "7", State: host.PlanSucceeded, Steps: step(host.StepInstall, "1")}}
		}, plan: "7", undo: true},
		{name: "who only looks is not offered to take it back", who: viewer(), change: func(h *house) {
			h.plans = []host.Plan{{ID: "7", State: host.PlanSucceeded, Steps: step(host.StepInstall, "1")}}
		}, plan: "7"},
		{name: "another version came by the last plan", who: admin(), change: func(h *house) {
			h.plans = []host.Plan{{ID: "9", State: host.PlanSucceeded, Steps: step(host.StepUpgrade, "2")}, {ID: "7", State: host.PlanSucceeded, Steps: step(host.StepInstall, "1")}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &house{t: t, repositories: []host.Repository{acme()}}
				c.change(h)
				r := httptest.NewRequestWithContext(access.With(t.Context(), c.who), "GET", "/", nil)
				began := time.Now()
				s := New(Config{Host: h}).Standing(r, host.Extension{ID: "org.a.A", Version: "1"})
				if took := time.Since(began); took != c.takes {
					t.Errorf("it takes %s, want %s", took, c.takes)
				}
				if s.Update == nil && c.update != "" || s.Update != nil && s.Update.Version != c.update {
					t.Errorf("the update is %+v", s.Update)
				}
				if s.Finding == nil && c.finding != "" || s.Finding != nil && s.Finding.Revoked != c.finding {
					t.Errorf("the finding is %+v", s.Finding)
				}
				if s.Plan == nil && c.plan != "" || s.Plan != nil && (s.Plan.ID != c.plan || s.Step.ID != "org.a.A") || s.Undo != c.undo {
					t.Errorf("the plan is %+v, to be undone: %v", s.Plan, s.Undo)
				}
			})
		})
	}
}
