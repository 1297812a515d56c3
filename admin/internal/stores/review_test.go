package stores

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// TestAskedFor: what an address or a form asks for, or why it asks for nothing.
func TestAskedFor(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        host.PlanRequest
		code        string
	}{
		{name: "one", query: "install=org.a.A", want: host.PlanRequest{Install: []string{"org.a.A"}}},
		{name: "one of a version", query: "install=org.a.A&version=+2.9+", want: host.PlanRequest{Install: []string{"org.a.A@2.9"}}},
		{name: "its own version counts", query: "install=org.a.A%403&version=2.9", want: host.PlanRequest{Install: []string{"org.a.A@3"}}},
		{name: "a version of two is of none", query: "install=org.a.A&install=org.b.B&version=2.9", want: host.PlanRequest{Install: []string{"org.a.A", "org.b.B"}}},
		{name: "empty names go", query: "install=&install=+&install=org.a.A&update=", want: host.PlanRequest{Install: []string{"org.a.A"}}},
		{name: "updates, beta", query: "update=org.a.A&beta=true", want: host.PlanRequest{Update: []string{"org.a.A"}, Beta: true}},
		{name: "everything", query: "all=true", want: host.PlanRequest{UpdateAll: true}},
		{name: "consent in an address is none", query: "install=org.a.A&consent_all=true&consent=%7B%22kind%22%3A%22permission%22%7D", want: host.PlanRequest{Install: []string{"org.a.A"}}},
		{name: "200 at once", query: strings.Repeat("install=a&", 200), want: host.PlanRequest{Install: slices.Repeat([]string{"a"}, 200)}},
		{name: "nothing", query: "", code: host.CodeInvalidArgument},
		{name: "a version of nothing", query: "version=1", code: host.CodeInvalidArgument},
		{name: "everything, but not quite", query: "all=1", code: host.CodeInvalidArgument},
		{name: "too many at once", query: strings.Repeat("install=a&", 101) + strings.Repeat("update=b&", 100), code: host.CodeInvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked host.PlanRequest
			h := &house{t: t}
			if c.code == "" {
				h.propose = func(r host.PlanRequest) (host.Plan, error) { asked = r; return host.Plan{}, nil }
			}
			a := h.ask(admin(), "GET", PlansPath+"/new?"+c.query, nil)
			if a.code() != c.code || (a.page == nil) != (c.code != "") {
				t.Fatalf("answered %v, %v", a.err, a.page)
			}
			if c.code == "" && asked.Actor != "ada" {
				t.Errorf("it is asked for by %q", asked.Actor)
			}
			if asked.Actor, asked.Remote = "", ""; !reflect.DeepEqual(asked, c.want) {
				t.Errorf("asked for %+v", asked)
			}
		})
	}
}

// twoSteps is a plan with two things to consent to, one of which is about a step that it does
// not have.
func twoSteps() host.Plan {
	return host.Plan{
		Kind: host.PlanInstall, Requested: []string{"org.a.A@2"},
		Steps: []host.PlanStep{
			{ID: "org.a.A", Action: host.StepUpgrade, From: "1", To: "2", Digest: "sha256:aa", Repository: "acme", Size: 10, Pin: "p"},
			{ID: "org.b.B", Action: host.StepKeep, From: "1", To: "1"},
		},
		Needs: []host.PlanNeed{{ID: "org.a.A", Digest: "sha256:aa", Kind: host.PlanNeedPermission, What: "kv"}, {ID: "org.c.C", Kind: host.PlanNeedPublisher, What: "x"}},
	}
}

// TestReview: what a request comes to, whatever the host answers.
func TestReview(t *testing.T) {
	for _, c := range []struct {
		name  string
		plan  host.Plan
		way   string
		ready bool
		size  int64
		sizes bool
		names []string
	}{
		{"an empty plan", host.Plan{}, "nothing", false, 0, true, nil},
		{"no way", host.Plan{Requested: []string{"org.a.A"}, Problems: []host.PlanProblem{{Code: "conflict"}}}, "none", false, 0, true, []string{"org.a.A"}},
		{"a way that does not mend all", host.Plan{Steps: twoSteps().Steps, Problems: []host.PlanProblem{{Code: "conflict"}}}, "install", false, 10, true, []string{"Ay"}},
		{"a step to keep", host.Plan{Steps: twoSteps().Steps[1:]}, "nothing", false, 0, true, nil},
		{"an installation", twoSteps(), "install", true, 10, true, []string{"Ay"}},
		{"an update", host.Plan{Kind: host.PlanUpdate, Steps: twoSteps().Steps}, "update", true, 10, true, []string{"Ay"}},
		{"a size that is not known", host.Plan{Steps: []host.PlanStep{{ID: "org.a.A", Size: 7}, {ID: "org.c.C"}}}, "install", true, 7, false, []string{"Ay", "org.c.C"}},
		{"many", host.Plan{Requested: []string{"a", "b@1", "c", "d", "e"}, Steps: []host.PlanStep{{ID: "b"}}}, "install", true, 0, false, []string{"a", "b", "c", "d", "…"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, extensions: []host.Extension{{ID: "org.a.A", Name: "Ay"}, {ID: "b"}}, propose: func(host.PlanRequest) (host.Plan, error) { return c.plan, nil }}
			v := shown[Review](t, h.ask(admin(), "GET", PlansPath+"/new?install=org.a.A", nil))
			if v.Way() != c.way || v.Ready() != c.ready || v.Size != c.size || v.Sizes != c.sizes || !slices.Equal(v.Names(), c.names) {
				t.Errorf("way %q, ready %v, %d bytes (all known: %v), names %q", v.Way(), v.Ready(), v.Size, v.Sizes, v.Names())
			}
			if v.Changed || v.Problem != nil || v.Seen == "" || !v.Proof {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestConsents: a box stands beside the step that it is about, and one that is about no step
// stands nowhere.
func TestConsents(t *testing.T) {
	h := &house{t: t, propose: func(host.PlanRequest) (host.Plan, error) { return twoSteps(), nil }}
	v := shown[Review](t, h.ask(program(), "GET", PlansPath+"/new?install=org.a.A", nil))
	if len(v.Rows) != 1 || len(v.Kept) != 1 || len(v.Rows[0].Consents) != 1 || len(v.Kept[0].Consents) != 0 || v.Rows[0].Consents[0].Publishes() || v.Rows[0].Here != "" {
		t.Errorf("%+v, %+v", v.Rows, v.Kept)
	}
	if want := `{"id":"org.a.A","digest":"sha256:aa","kind":"permission","what":"kv"}`; v.Rows[0].Consents[0].Value != want {
		t.Errorf("the box says %s", v.Rows[0].Consents[0].Value)
	}
	if v.Proof {
		t.Error("who has no session gets a form")
	}
}

// TestMark: what is done decides whether it is the plan that was looked at, and nothing else.
func TestMark(t *testing.T) {
	seen := markOf(twoSteps())
	for name, c := range map[string]struct {
		change func(*host.Plan)
		same   bool
	}{
		"the same":                     {func(*host.Plan) {}, true},
		"later":                        {func(p *host.Plan) { p.ID, p.State, p.Message = "7", host.PlanRunning, "x" }, true},
		"for another reason":           {func(p *host.Plan) { p.Steps[0].Why = []string{"because"} }, true},
		"further":                      {func(p *host.Plan) { p.Steps[0].Bytes, p.Steps[0].State = 5, host.StepDownloading }, true},
		"other bytes":                  {func(p *host.Plan) { p.Steps[0].Digest = "sha256:bb" }, false},
		"another version":              {func(p *host.Plan) { p.Steps[0].To = "3" }, false},
		"from another version":         {func(p *host.Plan) { p.Steps[0].From = "" }, false},
		"back":                         {func(p *host.Plan) { p.Steps[0].Action = host.StepDowngrade }, false},
		"from elsewhere":               {func(p *host.Plan) { p.Steps[0].Repository = "evil" }, false},
		"by another signer":            {func(p *host.Plan) { p.Steps[0].Pin = "q" }, false},
		"of another name":              {func(p *host.Plan) { p.Steps[0].Publisher = "Evil" }, false},
		"one more":                     {func(p *host.Plan) { p.Steps = append(p.Steps, host.PlanStep{ID: "org.c.C"}) }, false},
		"in another order":             {func(p *host.Plan) { slices.Reverse(p.Steps) }, false},
		"asking for more":              {func(p *host.Plan) { p.Needs[0].What = "net:*" }, false},
		"asking for nothing":           {func(p *host.Plan) { p.Needs = nil }, false},
		"fields that run into another": {func(p *host.Plan) { p.Steps[0].From, p.Steps[0].To = "12", "" }, false},
	} {
		p := twoSteps()
		c.change(&p)
		if got := markOf(p) == seen; got != c.same {
			t.Errorf("%s: the same mark: %v", name, got)
		}
	}
}

// TestStart: what is started is what was looked at, with the consent that was given to it, or
// nothing.
func TestStart(t *testing.T) {
	broken := errors.New("the disk is on fire")
	consent := `{"id":"org.a.A","digest":"sha256:aa","kind":"permission","what":"kv"}`
	for _, c := range []struct {
		name     string
		form     url.Values
		propose  error
		start    error // the answer, if it is started
		started  bool
		consents int
		to       string
		status   int // of the review that is shown again
		code     string
	}{
		{name: "as it was looked at", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}, "consent": {consent}}, started: true, consents: 1, to: "/admin/plans/a%2F%22b"},
		{name: "no consent", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}}, started: true, to: "/admin/plans/a%2F%22b"},
		{name: "consent to what is not needed", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}, "consent": {
			strings.Replace(consent, "kv", "net:*", 1), strings.Replace(consent, "aa", "bb", 1), " " + consent, "true", "", "{", `{"kind":"permission"}`}}, started: true, to: "/admin/plans/a%2F%22b"},
		{name: "consent to everything is no field of the form", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}, "consent_all": {"true"}}, started: true, to: "/admin/plans/a%2F%22b"},
		{name: "another plan by now", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(host.Plan{})}, "consent": {consent}}, status: http.StatusConflict},
		{name: "nothing was looked at", form: url.Values{"install": {"org.a.A"}, "consent": {consent}}, status: http.StatusConflict},
		{name: "nothing is asked for", form: url.Values{"seen": {markOf(twoSteps())}}, code: host.CodeInvalidArgument},
		{name: "no repository answers", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}}, propose: &host.Error{Code: host.CodeUnavailable, Message: "none answers"}, code: host.CodeUnavailable},
		{name: "refused", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}}, started: true, start: &host.Error{Code: host.CodeNeedsConsent, Message: "tick it"}, status: http.StatusConflict},
		{name: "gone wrong", form: url.Values{"install": {"org.a.A"}, "seen": {markOf(twoSteps())}}, started: true, start: broken, code: "internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, propose: func(host.PlanRequest) (host.Plan, error) { return twoSteps(), c.propose }}
			var started []host.PlanRequest
			h.start = func(r host.PlanRequest) (host.Plan, error) {
				started = append(started, r)
				return host.Plan{ID: `a/"b`}, c.start
			}
			a := h.ask(admin(), "POST", PlansPath, c.form)
			if c.started != (len(started) == 1) || len(started) > 1 {
				t.Fatalf("started %+v", started)
			}
			if c.started && (len(started[0].Consent) != c.consents || started[0].ConsentAll || started[0].Actor != "ada") {
				t.Errorf("started %+v", started[0])
			}
			if a.to != c.to {
				t.Errorf("it leads to %q", a.to)
			}
			switch {
			case c.code == "internal":
				if !errors.Is(a.err, broken) || a.page != nil {
					t.Errorf("answered %v, %v", a.err, a.page)
				}
			case c.code != "":
				if a.code() != c.code || a.page != nil {
					t.Errorf("answered %v, %v", a.err, a.page)
				}
			case c.status != 0:
				if v := shown[Review](t, a); a.page.Status != c.status || v.Changed != (c.start == nil) || (v.Problem != nil) != (c.start != nil) || v.Seen != markOf(twoSteps()) {
					t.Errorf("%d %+v", a.page.Status, v)
				}
			}
		})
	}
}
