package configure

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/form"
	"github.com/jackfield-host/jackfield/host"
)

const schema = `{"type":"object","properties":{"limit":{"type":"integer"},"name":{"type":"string"},"key":{"type":"string","writeOnly":true},"list":{"type":"array","items":{"type":"string"}}}}`

// keeper is a host with one configuration.
type keeper struct {
	revisions []host.ConfigurationRevision // the newest first
	refuse    error
	awaiting  *host.Awaiting
	asked     []host.ConfigurationChange
}

func (k *keeper) newest() host.ConfigurationRevision {
	if len(k.revisions) == 0 {
		return host.ConfigurationRevision{Values: []byte("{}")}
	}
	return k.revisions[0]
}

func (k *keeper) Configuration(_ context.Context, id string) (host.Configuration, error) {
	if id != "org.a.A" {
		return host.Configuration{}, &host.Error{Code: host.CodeNotFound, Message: "no " + id}
	}
	now := k.newest()
	return host.Configuration{Schema: []byte(schema), Values: now.Values, Secrets: []host.Secret{{Pointer: "/key", Set: true}}, Revision: now.Revision, By: now.By, Awaiting: k.awaiting}, nil
}

func (k *keeper) ConfigurationRevisions(context.Context, string) ([]host.ConfigurationRevision, error) {
	return k.revisions, nil
}

func (k *keeper) Configure(_ context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error) {
	k.asked = append(k.asked, c)
	now := k.newest()
	if c.Revision != now.Revision {
		return host.ConfigurationResult{}, &host.Error{Code: host.CodeConflict, Message: "it has changed", Stale: true}
	}
	if k.refuse != nil {
		return host.ConfigurationResult{}, k.refuse
	}
	result := host.ConfigurationResult{Configuration: host.Configuration{Revision: now.Revision}, Diff: []host.Difference{}}
	if string(c.Values) != string(now.Values) {
		result.Diff = append(result.Diff, host.Difference{Pointer: "", Kind: "changed", Before: now.Values, After: c.Values})
		result.Applied = host.AppliedLive
	}
	if !c.DryRun {
		result.Revision++
		k.revisions = append([]host.ConfigurationRevision{{Revision: result.Revision, By: c.Actor.Name, Values: c.Values}}, k.revisions...)
	}
	return result, nil
}

// reader is a person in front of the page.
type reader struct {
	t      *testing.T
	desk   *Desk
	view   View // that was shown last
	status int
	saved  bool
	who    access.Identity
}

func newReader(t *testing.T, k *keeper) *reader {
	p := &reader{t: t, who: access.Identity{Name: "ada", Role: access.Administrator, Proof: "proof"}}
	p.desk = New(Config{
		Host: k,
		Render: func(_ http.ResponseWriter, _ *http.Request, status int, v View) error {
			p.view, p.status = v, status
			return nil
		},
		Saved: func(http.ResponseWriter, *http.Request, string, host.ConfigurationResult) error {
			p.saved = true
			return nil
		},
	})
	return p
}

func (p *reader) ask(serve func(http.ResponseWriter, *http.Request) error, r *http.Request) error {
	p.view, p.status, p.saved = View{}, 0, false
	r.SetPathValue("id", "org.a.A")
	return serve(httptest.NewRecorder(), r.WithContext(access.With(r.Context(), p.who)))
}

func (p *reader) opens(query string) {
	p.t.Helper()
	if err := p.ask(p.desk.show, httptest.NewRequest("GET", "/"+query, nil)); err != nil {
		p.t.Fatal(err)
	}
}

// sends posts what the page shows, changed, with a button.
func (p *reader) sends(button string, changes ...string) error {
	posted := url.Values{"proof": {"proof"}, RevisionName: {fmt.Sprint(p.view.Base)}, ButtonName: {button}}
	if p.view.Stage == Edit {
		fields(p.view.Root, posted)
	}
	for _, c := range p.view.Sent {
		posted.Add(c.Name, c.Value)
	}
	for i := 0; i < len(changes); i += 2 {
		posted.Set(changes[i], changes[i+1])
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(posted.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.ask(p.desk.posted, r)
}

// fields are the controls of a form.
func fields(f *form.Field, into url.Values) {
	switch {
	case f.Kind == form.Group || f.Kind == form.List:
		if f.Set {
			into.Add(f.PresentName(), f.PresentValue())
		}
	default:
		into.Add(f.Name(), f.Text)
	}
	for _, below := range f.Fields {
		fields(below, into)
	}
}

// shows checks the page.
func (p *reader) shows(stage Stage, status int, diff string) {
	p.t.Helper()
	var got []string
	for _, d := range p.view.Diff {
		got = append(got, fmt.Sprintf("%s>%s", d.Before, d.After))
	}
	if p.view.Stage != stage || p.status != status || strings.Join(got, " ") != diff {
		p.t.Errorf("it shows %s (%d) with %q, want %s (%d) with %q", p.view.Stage, p.status, got, stage, status, diff)
	}
}

func TestReviewThenSave(t *testing.T) {
	k := &keeper{}
	p := newReader(t, k)
	p.opens("")
	p.shows(Edit, 200, "")
	if key := p.view.Root.Fields[2]; !key.Clearable() || !p.view.May || p.view.From != -1 {
		t.Errorf("the form begins as %+v", p.view)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(p.sends(DoReview))
	if !p.view.Unchanged {
		t.Error("nothing was changed, and it does not say so")
	}
	must(p.sends(DoReview, "value:/limit", "many"))
	p.shows(Edit, 422, "")
	if len(p.view.Placed) != 1 || p.view.Placed[0].ID != "field-limit" || p.view.Root.Fields[0].Text != "many" {
		t.Errorf("what was wrong: %+v", p.view.Placed)
	}
	must(p.sends(DoReview, "value:/limit", "5", "value:/key", "hush"))
	p.shows(Review, 200, `{}>{"limit":5,"key":"hush"}`)
	must(p.sends(DoEdit))
	p.shows(Edit, 200, "")
	if p.view.Root.Fields[0].Text != "5" || p.view.Root.Fields[2].Text != "hush" {
		t.Error("going back has lost what was typed")
	}
	must(p.sends(DoReview, "add:/list", ""))
	p.shows(Edit, 200, "")
	if list := p.view.Root.Fields[3]; !list.Set || len(k.asked) != 2 {
		t.Errorf("a button has added %+v, and the host was asked %d times", list, len(k.asked))
	}
	must(p.sends(DoReview))
	must(p.sends(DoSave))
	if !p.saved || string(k.newest().Values) != `{"limit":5,"key":"hush","list":[]}` || k.newest().By != "ada" {
		t.Errorf("saved: %v, %s", p.saved, k.newest().Values)
	}

	p.opens("?from=0")
	if p.view.From != 0 || p.view.Root.Fields[0].Text != "" || p.view.Base != 1 {
		t.Errorf("back to the defaults: %+v", p.view)
	}
	p.opens("?from=1")
	if p.view.From != 1 || p.view.Root.Fields[0].Text != "5" {
		t.Errorf("back to revision 1: %+v", p.view)
	}
	for _, wrong := range []string{"?from=7", "?from=-1", "?from=x"} {
		if err := p.ask(p.desk.show, httptest.NewRequest("GET", "/"+wrong, nil)); err == nil {
			t.Errorf("%s is a page", wrong)
		}
	}
}

func TestConflict(t *testing.T) {
	k := &keeper{revisions: []host.ConfigurationRevision{{Revision: 1, By: "ada", Values: []byte(`{"limit":1}`)}}}
	p := newReader(t, k)
	p.opens("")
	if err := p.sends(DoReview, "value:/name", "mine"); err != nil {
		t.Fatal(err)
	}
	theirs := host.ConfigurationRevision{Revision: 2, By: "eve", Values: []byte(`{"limit":2}`), Diff: []host.Difference{{Pointer: "/limit", Kind: "changed"}}}
	k.revisions = append([]host.ConfigurationRevision{theirs}, k.revisions...)
	if err := p.sends(DoSave); err != nil {
		t.Fatal(err)
	}
	p.shows(Conflict, 409, `{"limit":2}>{"limit":1,"name":"mine"}`)
	if p.saved || len(p.view.Theirs) != 1 || p.view.Theirs[0].By != "eve" || p.view.Base != 2 {
		t.Errorf("the conflict shows %+v", p.view)
	}
	if err := p.sends(DoReview); err != nil { // mine all the same, once more to look at
		t.Fatal(err)
	}
	p.shows(Review, 200, `{"limit":2}>{"limit":1,"name":"mine"}`)
	if err := p.sends(DoSave); err != nil || !p.saved || k.newest().Revision != 3 {
		t.Errorf("saved: %v, %+v, %v", p.saved, k.newest(), err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		refuse error
		status int
		placed string
		fails  bool
	}{
		"beside a field":   {&host.Error{Code: host.CodeValidationFailed, Violations: []host.Violation{{Pointer: "/name", Message: "no"}, {Message: `the property "limit" is missing`}}}, 422, "Limit: this is missing, Name: no", false},
		"of no field":      {&host.Error{Code: host.CodeValidationFailed, Message: "no"}, 422, "", false},
		"not now":          {&host.Error{Code: host.CodeUnavailable, Message: "the disk is full"}, 409, "", false},
		"not as it stands": {&host.Error{Code: host.CodeConflict, Message: "it is being upgraded"}, 409, "", false},
		"it has gone":      {&host.Error{Code: host.CodeNotFound, Message: "no"}, 0, "", true},
		"a fault of ours":  {fmt.Errorf("broken"), 0, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newReader(t, &keeper{refuse: c.refuse})
			p.opens("")
			err := p.sends(DoSave, "value:/name", "x")
			var placed []string
			for _, m := range p.view.Placed {
				placed = append(placed, m.Label+": "+m.Message)
			}
			if (err != nil) != c.fails || p.status != c.status || strings.Join(placed, ", ") != c.placed || p.saved {
				t.Errorf("%v, %d, %q", err, p.status, placed)
			}
			if !c.fails && c.placed == "" && p.view.Refusal == nil {
				t.Error("it does not say why")
			}
			if !c.fails && p.view.Root.Fields[1].Text != "x" {
				t.Error("what was typed is lost")
			}
		})
	}
}

func TestStrangeForms(t *testing.T) {
	p := newReader(t, &keeper{})
	p.opens("")
	for name, changes := range map[string][]string{
		"without its proof": {"proof", "other"}, "without a revision": {RevisionName, ""}, "with a strange one": {RevisionName, "-1"},
		"too large": {"value:/name", strings.Repeat("x", maxForm)},
	} {
		if err := p.sends(DoSave, changes...); err == nil || p.saved {
			t.Errorf("a form %s was taken", name)
		}
		p.opens("")
	}
	p.who = access.Identity{Name: "vera", Role: access.Viewer}
	if p.opens(""); p.view.May {
		t.Error("a viewer may configure")
	}
}

// TestFormOfAVersionThatWaits: its form is another one than that of the version that runs.
func TestFormOfAVersionThatWaits(t *testing.T) {
	k := &keeper{
		revisions: []host.ConfigurationRevision{{Revision: 1, Values: []byte(`{"limit":1}`)}},
		awaiting:  &host.Awaiting{Version: "2", Digest: "sha256:2", Schema: []byte(`{"properties":{"most":{"type":"integer"}},"additionalProperties":false}`)},
	}
	p := newReader(t, k)
	if p.opens(""); p.view.For != "" || p.view.Root.Fields[0].Label != "Limit" {
		t.Errorf("of the one that runs: %+v", p.view)
	}
	p.opens("?for=sha256:2")
	if root := p.view.Root; p.view.For != "2" || root.Fields[0].Label != "Most" || !root.Fields[1].Undeclared || !root.Fields[1].CanRemove {
		t.Errorf("of the one that waits: %+v", p.view)
	}
	if p.opens("?for=sha256:other"); p.view.For != "" {
		t.Error("there is a form for a version that there is not")
	}
}
