package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// does does an action as an administrator, then changed.
func (w *world) does(verb ingest.Verb, version string, change ...func(*ingest.Action)) error {
	w.t.Helper()
	a := ingest.Action{Verb: verb, Listing: helloID, Version: version, Reason: "because", Actor: "root"}
	for _, c := range change {
		c(&a)
	}
	_, err := w.Act(w.t.Context(), a)
	return err
}

func (w *world) states() string {
	w.t.Helper()
	var list []string
	for _, r := range w.listing(helloID).Releases {
		list = append(list, fmt.Sprintf("%s %s %q", r.Version, r.State, r.Note))
	}
	return strings.Join(list, ", ")
}

func TestStatesOfReleases(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		w.publishes(hello("1.0"))
		w.publishes(hello("1.1"))
		by := func(organization string) func(*ingest.Action) {
			return func(a *ingest.Action) { a.Organization = organization }
		}
		said := func(reason string) func(*ingest.Action) { return func(a *ingest.Action) { a.Reason = reason } }
		for i, step := range []struct {
			verb    ingest.Verb
			version string
			change  []func(*ingest.Action)
			code    ingest.ActionCode // "" is done
			want    string            // the states, "" is as before
		}{
			{ingest.Deprecate, "1.0", nil, "", `1.1 published "", 1.0 deprecated "because"`},
			{ingest.Deprecate, "1.0", nil, ingest.WrongState, ""},
			{ingest.Deprecate, "1.0", []func(*ingest.Action){said("take 1.1")}, "", `1.1 published "", 1.0 deprecated "take 1.1"`},
			{ingest.Undeprecate, "1.1", nil, ingest.WrongState, ""},
			{ingest.Undeprecate, "1.0", []func(*ingest.Action){said("")}, "", `1.1 published "", 1.0 published ""`},
			{ingest.Deprecate, "1.0", []func(*ingest.Action){by("acme.example")}, "", `1.1 published "", 1.0 deprecated "because"`},
			{ingest.Withdraw, "1.0", []func(*ingest.Action){by("other.example")}, ingest.NotAllowed, ""},
			{ingest.Withdraw, "1.0", []func(*ingest.Action){said(" ")}, ingest.Incomplete, ""},
			{ingest.Withdraw, "1.0", []func(*ingest.Action){said(strings.Repeat("x", 3000))}, ingest.Incomplete, ""},
			{ingest.Withdraw, "1.2", nil, ingest.NotFound, ""},
			{ingest.TakeDown, "1.0", []func(*ingest.Action){by("acme.example")}, ingest.NotAllowed, ""},
			{ingest.TakeDown, "1.0", nil, "", `1.1 published "", 1.0 taken_down "because"`},
			{ingest.TakeDown, "1.0", []func(*ingest.Action){said("a court says so")}, "", `1.1 published "", 1.0 taken_down "a court says so"`},
			{ingest.Withdraw, "1.0", nil, ingest.WrongState, ""},
			{ingest.Restore, "", nil, ingest.Incomplete, ""},
			{ingest.Restore, "1.1", nil, ingest.WrongState, ""},
			{ingest.Restore, "1.0", nil, "", `1.1 published "", 1.0 deprecated "because"`},
			{ingest.Withdraw, "1.0", nil, "", `1.1 published "", 1.0 withdrawn "because"`},
			{ingest.TakeDown, "", nil, "", `1.1 taken_down "because", 1.0 taken_down "because"`},
			{ingest.Restore, "1.0", nil, "", `1.1 taken_down "because", 1.0 withdrawn "because"`},
			{ingest.Restore, "1.1", nil, "", `1.1 published "", 1.0 withdrawn "because"`},
			{ingest.Undeprecate, "1.0", nil, ingest.WrongState, ""},
			{"remove", "1.0", nil, ingest.Incomplete, ""},
		} {
			before := w.states()
			err := w.does(step.verb, step.version, step.change...)
			e, _ := errors.AsType[*ingest.ActionError](err)
			if (err == nil) != (step.code == "") || step.code != "" && (e == nil || e.Code != step.code) {
				t.Fatalf("step %d, %s %s: %v, want %q", i, step.verb, step.version, err, step.code)
			}
			want := step.want
			if want == "" {
				want = before
			}
			if got := w.states(); got != want {
				t.Fatalf("step %d, %s %s: %s, want %s", i, step.verb, step.version, got, want)
			}
		}
		if got := w.trail(helloID + " 1.1"); !slices.Equal(got, []string{"store publish", "root take_down", "root restore"}) {
			t.Errorf("the audit trail has %q", got)
		}
		w.refuses(store.CodeVersionExists, hello("1.0"))
	})
}

func TestActionsOnWhatIsNotThere(t *testing.T) {
	w := open(t, backends.SQLite(t))
	for _, verb := range []ingest.Verb{ingest.Deprecate, ingest.Undeprecate, ingest.Withdraw, ingest.TakeDown, ingest.Restore} {
		if e, ok := errors.AsType[*ingest.ActionError](w.does(verb, "1.0")); !ok || e.Code != ingest.NotFound {
			t.Errorf("%s: %v", verb, e)
		}
	}
}

func TestLabels(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		w.publishes(hello("1.0"))
		label := func(labels ...string) func(*ingest.Action) {
			return func(a *ingest.Action) { a.Labels, a.Listing = labels, "EXAMPLES-hello-helloextension" }
		}
		for i, step := range []struct {
			verb   ingest.Verb
			labels []string
			fails  bool
			want   []string
		}{
			{ingest.AddLabel, []string{"maps", "audio"}, false, []string{"audio", "maps"}},
			{ingest.AddLabel, []string{"maps"}, true, []string{"audio", "maps"}},
			{ingest.RemoveLabel, []string{"audio", "video"}, false, []string{"maps"}},
			{ingest.SetLabels, []string{"b", "a", "b"}, false, []string{"a", "b"}},
			{ingest.SetLabels, nil, false, nil},
			{ingest.AddLabel, []string{"Maps"}, true, nil},
			{ingest.AddLabel, []string{"a b"}, true, nil},
			{ingest.AddLabel, nil, true, nil},
			{ingest.SetLabels, strings.Split("a b c d e f g h i j k l m n o p q", " "), true, nil},
		} {
			err := w.does(step.verb, "", label(step.labels...))
			if (err != nil) != step.fails {
				t.Fatalf("step %d: %v", i, err)
			}
			if got := w.listing(helloID).Labels; !slices.Equal(got, step.want) {
				t.Fatalf("step %d: %q, want %q", i, got, step.want)
			}
		}
		w.publishes(hello("1.1"))
	})
}

func TestRevocations(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		first := w.publishes(hello("1.0"))
		w.publishes(hello("1.1"))
		marks := func() string {
			var list []string
			for _, r := range w.listing(helloID).Releases {
				list = append(list, r.Revoked)
			}
			return strings.Join(list, ",")
		}
		revoke := func(r store.Revocation) {
			t.Helper()
			r.Reason = "it leaks"
			if _, err := w.Revoke(t.Context(), "root", r); err != nil {
				t.Fatal(err)
			}
		}
		digest := store.Revocation{Digest: first.Digest}
		version := store.Revocation{Listing: "Examples.hello.helloextension", Version: "1.1"}
		all := store.Revocation{Listing: helloID}

		revoke(digest)
		if got := marks(); got != ","+first.Digest {
			t.Errorf("marked %q", got)
		}
		revoke(version)
		revoke(all)
		if got := marks(); got != helloID+" 1.1,"+first.Digest {
			t.Errorf("marked %q: the most exact one counts", got)
		}
		w.refuses(store.CodeRevoked, hello("1.2"))
		revoke(store.Revocation{Digest: "sha256:" + strings.Repeat("ab", 32)}) // of nothing that is here
		revoke(store.Revocation{Listing: "org.elsewhere.X"})

		for name, r := range map[string]store.Revocation{
			"twice": all, "nothing": {}, "both": {Digest: first.Digest, Listing: helloID}, "a version of nothing": {Version: "1"},
			"a strange address": {Listing: "x", URL: "javascript:alert(1)"},
		} {
			r.Reason = "it leaks"
			if _, err := w.Revoke(t.Context(), "root", r); err == nil {
				t.Errorf("%s was revoked", name)
			}
		}
		if _, err := w.Revoke(t.Context(), "root", store.Revocation{Listing: "x"}); err == nil {
			t.Error("revoked without a reason")
		}

		for _, r := range []store.Revocation{all, digest} {
			if err := w.Unrevoke(t.Context(), "root", r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Unrevoke(t.Context(), "root", all); err == nil {
			t.Error("taken back twice")
		}
		if got := marks(); got != helloID+" 1.1," {
			t.Errorf("marked %q", got)
		}
		w.publishes(hello("1.2"))
		changes, err := b.Database.Changes(t.Context(), 0, 100)
		if err != nil || changes.Lists == nil || len(changes.Lists.Revocations) != 3 {
			t.Errorf("%+v, %v", changes.Lists, err)
		}
	})
}

func TestAdvisories(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		w.publishes(hello("1.0"))
		good := store.Advisory{Listing: "examples-hello-helloextension", Affected: ">=1.0 <1.4.2", Fixed: "1.4.2", Severity: store.High, Title: "It leaks"}
		a, err := w.Advise(t.Context(), "root", good)
		if err != nil || a.ID == "" || a.Listing != helloID || a.Created.IsZero() {
			t.Fatalf("%+v, %v", a, err)
		}
		second, err := w.Advise(t.Context(), "root", good)
		if err != nil || second.ID == a.ID {
			t.Fatalf("%+v, %v", second, err)
		}
		a.Severity, a.Created = store.Low, a.Created.AddDate(-1, 0, 0)
		changed, err := w.Advise(t.Context(), "root", a)
		if err != nil || changed.ID != a.ID || changed.Severity != store.Low || changed.Created.Equal(a.Created) {
			t.Errorf("%+v, %v", changed, err)
		}
		for name, change := range map[string]func(*store.Advisory){
			"no listing":      func(a *store.Advisory) { a.Listing = "" },
			"no title":        func(a *store.Advisory) { a.Title = " " },
			"no severity":     func(a *store.Advisory) { a.Severity = "bad" },
			"odd constraints": func(a *store.Advisory) { a.Affected = "before 2" },
			"an unknown id":   func(a *store.Advisory) { a.ID = "JFA-1999-0001" },
			"an odd address":  func(a *store.Advisory) { a.URL = "file:///etc/passwd" },
		} {
			bad := good
			change(&bad)
			if _, err := w.Advise(t.Context(), "root", bad); err == nil {
				t.Errorf("%s was taken", name)
			} else if _, ok := errors.AsType[*ingest.ActionError](err); !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		changes, err := b.Database.Changes(t.Context(), 0, 100)
		if err != nil || changes.Lists == nil || len(changes.Lists.Advisories) != 2 || changes.Lists.Advisories[0].Severity != store.Low {
			t.Errorf("%+v, %v", changes.Lists, err)
		}
		if got := w.trail(a.ID); !slices.Equal(got, []string{"root advisory.create", "root advisory.update"}) {
			t.Errorf("the audit trail has %q", got)
		}
	})
}
