package repositories_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
	"github.com/jackfield-host/jackfield/store/storetest"
)

// A catalogue that has not changed costs one conditional request, also after a restart; one
// that has, what has changed of it.
func TestLookingAgainCostsLittle(t *testing.T) {
	s := storetest.New(t)
	for i := range 40 {
		s.Publish(fmt.Sprintf("org.acme.x%d", i), "1.0", "server")
	}
	m := newMirror(t, s)
	h := newHost(t, sourceOf(t, "acme", m.URL, s))
	h.refresh("acme")
	first := m.requests()
	if shards := store.ShardCount(40); len(first) != 1+1+shards+1 {
		t.Errorf("the first look asks for %d things, want timestamp, snapshot, %d shards and the empty list", len(first), shards)
	}
	for _, when := range []string{"looking again", "after a restart"} {
		h.refresh("acme")
		if asked := m.requests(); len(asked) != 1 || asked[0] != isTimestamp+" Not Modified" {
			t.Errorf("%s asks %q", when, asked)
		}
		h.restart()
	}
	s.Publish("org.acme.x7", "1.1", "server")
	h.refresh("acme")
	if asked := m.requests(); len(asked) != 3 {
		t.Errorf("after one change it asks %q, want timestamp, snapshot and one shard", asked)
	}
	if _, err := h.Find(t.Context(), "org.acme.x7"); err != nil {
		t.Error(err)
	}
	if asked := m.requests(); len(asked) != 1 {
		t.Errorf("finding one asks %q, want its document", asked)
	}
	kept := len(files(t, filepath.Join(h.config.Dir, "acme", "sha256")))
	for i := range 20 {
		s.Publish("org.acme.x7", fmt.Sprintf("2.%d", i), "server")
		h.refresh("acme")
	}
	if now := len(files(t, filepath.Join(h.config.Dir, "acme", "sha256"))); now > kept {
		t.Errorf("twenty changes later %d objects are kept, before %d", now, kept)
	}
}

// Of an id only the repository counts that goes before all others, also while it is away.
func TestWhoHasAnID(t *testing.T) {
	own, public := storetest.New(t), storetest.New(t)
	own.Publish("org.acme.secret", "1.0", "server")
	public.Publish("org.acme.secret", "99.0", "server") // somebody else's, of the same name
	public.Publish("org.public.tool", "1.0", "server")
	a, b := newMirror(t, own), newMirror(t, public)
	first := sourceOf(t, "own", a.URL, own)
	first.Priority = 10
	h := newHost(t, sourceOf(t, "public", b.URL, public), first)
	now := time.Now()
	h.config.Now = func() time.Time { return now }
	h.restart()
	h.refresh("public")

	offered := func() string {
		t.Helper()
		u, err := h.Universe(t.Context(), repositories.Reach{IDs: []string{"org.acme.secret", "org.public.tool"}})
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, r := range u.Repositories {
			for _, id := range []string{"org.acme.secret", "org.public.tool"} {
				releases, err := r.Releases(id)
				for _, release := range releases {
					said = append(said, r.Name+" "+id+" "+release.Version)
				}
				if err != nil {
					said = append(said, r.Name+" "+id+" unknown")
				}
			}
		}
		for name := range u.Missing {
			said = append(said, name+" missing")
		}
		return strings.Join(said, ", ")
	}
	a.set(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) })
	// Not even before it was ever read: whether it has an id is not known.
	if got, want := offered(), "own org.acme.secret unknown, own org.public.tool unknown, own missing"; got != want {
		t.Errorf("with a repository that goes before and was never read there is %s, want %s", got, want)
	}
	// It keeps nothing from those that nobody has put behind it.
	h.config.Sources[1].Priority = 0
	h.restart()
	h.refresh("public")
	if got, want := offered(), "public org.acme.secret 99.0, public org.public.tool 1.0, own missing"; got != want {
		t.Errorf("with one of the same priority that was never read there is %s, want %s", got, want)
	}
	h.config.Sources[1].Priority = 10
	h.restart()
	a.set(nil)
	h.refresh("own")
	if got, want := offered(), "own org.acme.secret 1.0, public org.public.tool 1.0"; got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
	found, err := h.Search(t.Context(), repositories.Query{Text: "secret"})
	if err != nil || len(found.Offers) != 1 || found.Offers[0].Repository != "own" {
		t.Errorf("searching finds %+v, %v", found, err)
	}
	// It is away for so long that what is known has run out: nothing is installed from it,
	// and nobody else gets its names.
	a.set(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) })
	now = now.Add(2 * own.Validity)
	public.Advance(2 * public.Validity)
	public.Renew()
	if got, want := offered(), "own org.acme.secret unknown, public org.public.tool 1.0"; got != want {
		t.Errorf("after it has run out there is %s, want %s", got, want)
	}
	if s := h.status("own"); s.State != repositories.StateError || s.Code == "" {
		t.Errorf("it is %s, %s", s.State, s.Code)
	}
	_, err = h.Fetch(t.Context(), repositories.Want{Repository: "own", ID: "org.acme.secret", Version: "1.0"}, partial(t, nil), nil)
	if repositories.CodeOf(err) != repositories.Code(store.IndexExpired) {
		t.Errorf("fetching is %v", err)
	}
}

// The universe reaches as far as needs lead, and a plan comes of it.
func TestUniverse(t *testing.T) {
	s := storetest.New(t)
	for id, needs := range map[string][]string{"a": {"org.acme.b >=1.0"}, "b": {"org.acme.c >=0"}, "c": {"org.acme.a >=0", "org.acme.d >=0; optional"}, "d": nil, "far": nil} {
		l := *s.Publish("org.acme."+id, "1.2", "server")
		l.Releases = slices.Clone(l.Releases)
		l.Releases[0].Requires = needs
		s.Put(&l)
	}
	m := newMirror(t, s)
	h := newHost(t, sourceOf(t, "acme", m.URL, s))
	u, err := h.Universe(t.Context(), repositories.Reach{IDs: []string{"org.acme.a"}})
	if err != nil || len(u.Missing)+len(u.Left) != 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	m.close()
	plan, err := resolver.Resolve(resolver.Request{Repositories: u.Repositories, HostVersion: "1.5.0", Platform: platform, Install: []resolver.Ask{{ID: "org.acme.a"}}})
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, step := range plan.Steps {
		steps = append(steps, string(step.Action)+" "+step.ID+" "+step.Version+" "+step.Repository)
	}
	slices.Sort(steps)
	if got, want := strings.Join(steps, ", "), "install org.acme.a 1.2 acme, install org.acme.b 1.2 acme, install org.acme.c 1.2 acme"; got != want {
		t.Errorf("the plan is %s, want %s", got, want)
	}
	if _, err := u.Repositories[0].Releases("org.acme.far"); err == nil {
		t.Error("what is out of reach is said not to be there")
	}
	if r, err := u.Repositories[0].Releases("org.acme.d"); err != nil || len(r) != 1 {
		t.Errorf("what is optional is %v, %v", r, err)
	}
}

// What has become of what is installed.
func TestOutlook(t *testing.T) {
	s, other := storetest.New(t), storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	s.Publish("org.acme.hello", "1.1", "server")
	l := *s.Publish("org.acme.hello", "2.0", "server")
	l.Releases = slices.Clone(l.Releases)
	l.Releases[0].MinHost = "9.0"
	l.Releases[2].State, l.Releases[2].Note = store.Deprecated, "take 1.1"
	s.Put(&l)
	bad := s.Publish("org.acme.bad", "1.0", "server")
	s.Advise([]store.Advisory{{ID: "JFA-1", Listing: "org.acme.hello", Affected: "<1.1", Severity: store.High, Title: "t"}},
		[]store.Revocation{{Digest: bad.Releases[0].Files[0].Digest, Reason: "evil"}, {Listing: "org.elsewhere.x", Reason: "envy"}})
	elsewhere := other.Publish("org.elsewhere.x", "1.0", "server")
	broken := newMirror(t, other)
	broken.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := newHost(t, sourceOf(t, "acme", newMirror(t, s).URL, s), sourceOf(t, "elsewhere", newMirror(t, other).URL, other),
		sourceOf(t, "broken", broken.URL, other))
	h.refresh("acme")
	h.refresh("elsewhere")
	h.refresh("broken")
	list, err := h.Outlook(t.Context(), []repositories.Installed{
		{ID: "org.acme.hello", Version: "1.0.0"},
		{ID: "org.acme.bad", Version: "1.0", Digest: bad.Releases[0].Files[0].Digest},
		{ID: "org.acme.bad", Version: "1.0", Digest: store.Digest(nil)},
		{ID: "org.elsewhere.x", Version: "1.0", Digest: elsewhere.Releases[0].Files[0].Digest, Repository: "elsewhere"},
		{ID: "org.nobody.y", Version: "1.0"},
		{ID: "org.acme.hello", Version: "1.1", Repository: "broken"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		newer, revoked := "", ""
		if p.Newer != nil {
			newer = p.Newer.Version
		}
		if p.Revocation != nil {
			revoked = p.Revocation.Reason
		}
		got = append(got, fmt.Sprintf("%s of %q: known=%v state=%s note=%q newer=%s latest=%s needs=%s revoked=%s advisories=%d unknown=%v", p.ID, p.Source, p.Known, p.State, p.Note, newer, p.Latest, p.Needs, revoked, len(p.Advisories), p.Err != nil))
	}
	want := []string{
		`org.acme.hello of "acme": known=true state=deprecated note="take 1.1" newer=1.1 latest=2.0 needs=9.0 revoked= advisories=1 unknown=false`,
		`org.acme.bad of "acme": known=true state=published note="" newer= latest= needs= revoked=evil advisories=0 unknown=false`,
		`org.acme.bad of "acme": known=false state=published note="" newer= latest= needs= revoked= advisories=0 unknown=false`,
		`org.elsewhere.x of "elsewhere": known=true state=published note="" newer= latest= needs= revoked= advisories=0 unknown=false`,
		`org.nobody.y of "": known=false state= note="" newer= latest= needs= revoked= advisories=0 unknown=false`,
		`org.acme.hello of "broken": known=false state= note="" newer= latest= needs= revoked= advisories=0 unknown=true`,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

// One that answers nobody any more holds up what others say once, not for each extension.
func TestOutlookBesideOneThatHangs(t *testing.T) {
	hung, s := storetest.New(t), storetest.New(t)
	var installed []repositories.Installed
	for n := range 20 {
		id := fmt.Sprintf("org.hung.x%d", n)
		hung.Publish(id, "1.0", "server")
		installed = append(installed, repositories.Installed{ID: id, Version: "1.0", Repository: "hung"})
	}
	bad := s.Publish("org.acme.bad", "1.0", "server")
	s.Advise(nil, []store.Revocation{{Listing: "org.acme.bad", Reason: "evil"}})
	installed = append(installed, repositories.Installed{ID: bad.ID, Version: "1.0", Repository: "acme"})
	// What others take is not held against one that answers: it is asked before them, too.
	installed = append([]repositories.Installed{{ID: "org.acme.good", Version: "1.0", Repository: "acme"}}, installed...)
	s.Publish("org.acme.good", "1.0", "server")
	m := newMirror(t, hung)
	h := newHost(t, sourceOf(t, "hung", m.URL, hung), sourceOf(t, "acme", newMirror(t, s).URL, s))
	h.refresh("hung")
	h.refresh("acme")
	h.impatient()
	var asked atomic.Int64
	m.set(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	})
	list, err := h.Outlook(t.Context(), installed)
	if err != nil || len(list) != len(installed) {
		t.Fatalf("%+v, %v", list, err)
	}
	if first := list[0]; first.Err != nil || !first.Known {
		t.Errorf("of the first there is %+v", first)
	}
	for _, p := range list[1:21] {
		if repositories.CodeOf(p.Err) != repositories.Code(store.IndexTooSlow) {
			t.Errorf("of %s there is %v", p.ID, p.Err)
		}
	}
	if last := list[21]; last.Err != nil || last.Revocation == nil {
		t.Errorf("of the other there is %+v", last)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
}

// A folder, and a file, that were exported are repositories; newer ones are taken up, older
// ones refused.
func TestExports(t *testing.T) {
	s := storetest.New(t)
	l := s.Publish("org.acme.hello", "1.0", "server")
	export := func(path string) {
		t.Helper()
		view, err := store.NewReader(store.ReaderConfig{Source: s, Roots: s.Roots(), Now: s.Now}).Refresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(path) == "" {
			err = store.ExportDir(t.Context(), view, path, store.ExportOptions{Files: true})
		} else {
			var data bytes.Buffer
			err = store.Export(t.Context(), view, &data, store.ExportOptions{Files: true})
			write(t, path, data.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"folder", "file.zip"} {
		path := filepath.Join(t.TempDir(), name)
		h := newHost(t, sourceOf(t, "export", path, s))
		if got := h.refresh("export"); got.State != repositories.StateError || got.Code != repositories.Code(store.IndexMissing) {
			t.Errorf("before there is a %s it is %s, %s: %s", name, got.State, got.Code, got.Message)
		}
		export(path)
		h.works("export", l)
		number := s.Sequence()
		old := filepath.Join(t.TempDir(), name)
		export(old)
		l = s.Publish("org.acme.hello", fmt.Sprintf("1.%d", number), "server")
		export(path)
		h.works("export", l)
		h.config.Sources[0].URL = old
		h.restart()
		if got := h.refresh("export"); got.State != repositories.StateStale || got.Code != repositories.Code(store.IndexRolledBack) {
			t.Errorf("an old %s is %s, %s", name, got.State, got.Code)
		}
		if _, _, err := h.Forget(t.Context(), "export"); err != nil {
			t.Fatal(err)
		}
		if got := h.refresh("export"); got.State != repositories.StateOK || got.Sequence != number {
			t.Errorf("once all is forgotten an old %s is %s, %s at number %d", name, got.State, got.Code, got.Sequence)
		}
	}
}

// Roots may change while the host runs: what they do not vouch for any more is gone.
func TestRootsChange(t *testing.T) {
	s, other := storetest.New(t), storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	m := newMirror(t, s)
	h := newHost(t, sourceOf(t, "acme", m.URL, s))
	h.refresh("acme")
	source := h.config.Sources[0]
	good := readAll(t, source.Root)
	write(t, source.Root, readAll(t, rootOf(t, other.Authority)))
	if got := h.refresh("acme"); got.State != repositories.StateError || got.Code != repositories.Code(store.IndexUntrusted) {
		t.Errorf("with another root it is %s, %s: %s", got.State, got.Code, got.Message)
	}
	write(t, source.Root, []byte("garbage"))
	if got := h.refresh("acme"); got.State != repositories.StateError || got.Code != repositories.CodeRoot {
		t.Errorf("with garbage for a root it is %s, %s: %s", got.State, got.Code, got.Message)
	}
	if _, err := h.Find(t.Context(), "org.acme.hello"); repositories.CodeOf(err) != repositories.Code(store.IndexUnknown) {
		t.Errorf("it still finds something: %v", err)
	}
	write(t, source.Root, good)
	if got := h.refresh("acme"); got.State != repositories.StateOK {
		t.Errorf("with its root again it is %s, %s: %s", got.State, got.Code, got.Message)
	}
}

// What was seen and cannot be read is no reason to take an old catalogue.
func TestDamagedMemory(t *testing.T) {
	s := storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	h := newHost(t, sourceOf(t, "acme", newMirror(t, s).URL, s))
	h.refresh("acme")
	write(t, filepath.Join(h.config.Dir, "acme", "known.json"), []byte("{"))
	h.restart()
	if got := h.refresh("acme"); got.State != repositories.StateError || got.Code != repositories.CodeMemory {
		t.Errorf("it is %s, %s: %s", got.State, got.Code, got.Message)
	}
	if _, _, err := h.Forget(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	if got := h.refresh("acme"); got.State != repositories.StateOK {
		t.Errorf("once it is forgotten it is %s, %s: %s", got.State, got.Code, got.Message)
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	good := repositories.Source{Name: "acme", URL: "https://store.acme.example", Kind: repositories.KindJackfield}
	for name, change := range map[string]func(*repositories.Source){
		"no name":            func(s *repositories.Source) { s.Name = "" },
		"a name that leads":  func(s *repositories.Source) { s.Name = "../acme" },
		"an upper case name": func(s *repositories.Source) { s.Name = "Acme" },
		"no address":         func(s *repositories.Source) { s.URL = "" },
		"a relative path":    func(s *repositories.Source) { s.URL = "store" },
		"with a password":    func(s *repositories.Source) { s.URL = "https://ann:secret@store.acme.example" },
		"with a question":    func(s *repositories.Source) { s.URL = "https://store.acme.example?x=y" },
		"another scheme":     func(s *repositories.Source) { s.URL = "ftp://store.acme.example" },
		"no such kind":       func(s *repositories.Source) { s.Kind = "x" },
		"Jameica on a disk":  func(s *repositories.Source) { s.Kind, s.URL = repositories.KindJameica, "/srv/x" },
		"an unsigned store":  func(s *repositories.Source) { s.Unsigned = true },
		"a relative root":    func(s *repositories.Source) { s.Root = "root.pem" },
	} {
		s := good
		change(&s)
		if _, err := repositories.New(repositories.Config{Sources: []repositories.Source{s}, HostVersion: "1.0", Dir: t.TempDir()}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	if _, err := repositories.New(repositories.Config{Sources: []repositories.Source{good, good}, HostVersion: "1.0", Dir: t.TempDir()}); err == nil {
		t.Error("the same name twice is taken")
	}
}

// One that is disabled is listed, and nothing else; of one that is not there is nothing.
func TestDisabled(t *testing.T) {
	s := storetest.New(t)
	source := sourceOf(t, "acme", newMirror(t, s).URL, s)
	source.Disabled = true
	h := newHost(t, source)
	if got := h.Status(); len(got) != 1 || got[0].State != repositories.StateNever || !got[0].Disabled {
		t.Errorf("it is %+v", got)
	}
	if _, err := h.Refresh(t.Context(), "acme"); err == nil || errors.Is(err, repositories.ErrNoRepository) {
		t.Errorf("refreshing it: %v", err)
	}
	if _, err := h.Refresh(t.Context(), "other"); !errors.Is(err, repositories.ErrNoRepository) {
		t.Errorf("refreshing another: %v", err)
	}
	if u, err := h.Universe(t.Context(), repositories.Reach{IDs: []string{"x"}}); err != nil || len(u.Repositories)+len(u.Missing) != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

// sealed is a store that answers at once, without a network, for a clock of its own.
func sealed(t *testing.T, s *storetest.Store) (path string) {
	t.Helper()
	view, err := store.NewReader(store.ReaderConfig{Source: s, Roots: s.Roots(), Now: s.Now}).Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "export")
	if err := store.ExportDir(t.Context(), view, path, store.ExportOptions{Sign: s.Sign, Validity: 60 * 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	return path
}

// Looks come once a day, more or less, and sooner after one that went wrong.
func TestWhenLooksCome(t *testing.T) {
	s := storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	path := sealed(t, s)
	root := rootOf(t, s.Authority)
	dir := t.TempDir()
	began := s.Now()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := func() time.Time { return began.Add(time.Since(start)) }
		h := newHost(t, repositories.Source{Name: "good", URL: path, Kind: repositories.KindJackfield, Root: root},
			repositories.Source{Name: "gone", URL: path + ".gone", Kind: repositories.KindJackfield, Root: root})
		h.config.Now, h.config.Dir, h.config.Patience = now, dir, 0
		h.restart()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.Run(ctx) }()
		checks := map[string][]time.Time{}
		for range 6 * 24 * 60 {
			time.Sleep(time.Minute)
			for _, s := range h.Status() {
				if list := checks[s.Name]; len(list) == 0 || !list[len(list)-1].Equal(s.Checked) {
					checks[s.Name] = append(list, s.Checked)
				}
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		good := checks["good"]
		if n := len(good); n < 6 || n > 8 {
			t.Errorf("in six days there are %d looks: %v", n, good)
		}
		for i := 1; i < len(good); i++ {
			if pause := good[i].Sub(good[i-1]); pause < 21*time.Hour || pause > 27*time.Hour {
				t.Errorf("the pause is %s", pause)
			}
		}
		// A minute, two, four … up to a day.
		if n := len(checks["gone"]); n < 10 || n > 25 {
			t.Errorf("there are %d looks at one that is gone", n)
		}
	})
}
