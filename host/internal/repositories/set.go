package repositories

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// Set is all repositories of a host. It may be used by several goroutines.
type Set struct {
	config  Config
	version bundle.Version
	members []*member // in the order in which they go before each other
}

// facts are what is known of a repository.
type facts struct {
	known           bool
	seen            store.Seen
	sequence        int64
	issued, expires time.Time // zero where nothing runs out
	read            time.Time
	listings        int
	problems        []string
}

// repository is one kind of them. recall, look and forget are never called at once; the
// others may be, at any time.
type repository interface {
	// recall takes up what the disk has, and asks nobody.
	recall(ctx context.Context) error
	// look reads what is new.
	look(ctx context.Context) error
	// forget drops what is known.
	forget() error

	facts() facts
	// listing is index_unknown where the repository has none of that id.
	listing(ctx context.Context, id string) (*store.Listing, error)
	// releases are those of a listing; publisher is the one to whom its id is pinned.
	releases(l *store.Listing, beta bool, publisher string) (offered []resolver.Release, left []error)
	search(ctx context.Context, text string, limit int) (ids []string, more bool, err error)
	notices(ctx context.Context) ([]store.Advisory, []store.Revocation, error)
	// icon is index_unknown where a listing has none.
	icon(ctx context.Context, l *store.Listing) ([]byte, error)
	fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) (Fetched, error)
}

// member is a repository with what became of the looks at it.
type member struct {
	source Source
	repository
	// looking is held by whoever looks, or forgets.
	looking chan struct{}
	// hurry wakes Run when the next look is due earlier than it was.
	hurry chan struct{}

	mu       sync.Mutex // guards what follows
	checked  time.Time
	last     error     // of the last look; nil if it went well
	awaited  time.Time // when a question has waited in vain for the first look
	inARow   int       // looks that did not go well, one after the other
	failures map[Code]int64
}

// nothing stands for a repository that is disabled: not even its folder is made.
type nothing struct{ repository }

func (nothing) facts() facts { return facts{} }

// New makes a Set. Nobody is asked yet: what is known comes from the disk. What is broken
// there is as good as not there. The error names the Source that is at fault.
func New(config Config) (*Set, error) {
	s := &Set{config: config}
	if s.config.Every <= 0 {
		s.config.Every = 24 * time.Hour
	}
	if s.config.Patience <= 0 {
		s.config.Patience = 30 * time.Second
	}
	if s.config.Now == nil {
		s.config.Now = time.Now
	}
	if s.config.Changed == nil {
		s.config.Changed = func() {}
	}
	var err error
	if s.version, err = bundle.ParseVersion(config.HostVersion); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, source := range config.Sources {
		if err := source.Check(); err != nil {
			return nil, fmt.Errorf("the repository %q: %w", source.Name, err)
		}
		if names[source.Name] {
			return nil, fmt.Errorf("the repository %q is configured twice", source.Name)
		}
		names[source.Name] = true
		s.members = append(s.members, s.open(source))
	}
	slices.SortFunc(s.members, func(a, b *member) int {
		return cmp.Or(cmp.Compare(b.source.Priority, a.source.Priority), strings.Compare(a.source.Name, b.source.Name))
	})
	for _, m := range s.enabled() {
		if err := m.recall(context.Background()); err != nil { // which reads files only
			m.last = err
		}
	}
	return s, nil
}

// open makes a member. That its folder cannot be read is its own trouble.
func (s *Set) open(source Source) *member {
	m := &member{source: source, looking: make(chan struct{}, 1), hurry: make(chan struct{}, 1), failures: map[Code]int64{}}
	switch {
	case source.Disabled:
		m.repository = nothing{}
	case source.Kind == KindJameica:
		m.repository = openJameica(source, &s.config)
	default:
		m.repository = openIndex(source, &s.config)
	}
	return m
}

// isName is the form of names: they are folders, parts of keys and labels of metrics.
var isName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// Check says what is wrong with a Source.
func (s Source) Check() error {
	switch {
	case !isName.MatchString(s.Name):
		return errors.New("a name has 1 to 64 lower case letters, digits and hyphens, at its ends none of these")
	case s.Kind != KindJackfield && s.Kind != KindJameica:
		return fmt.Errorf("its kind is %q; there are %s and %s", s.Kind, KindJackfield, KindJameica)
	case s.URL == "":
		return errors.New("it has no url")
	case s.Root != "" && !filepath.IsAbs(s.Root):
		return fmt.Errorf("its root %q is not an absolute path", s.Root)
	case s.Unsigned && s.Kind != KindJameica:
		return errors.New("only what comes from a repository of Jameica's may be unsigned")
	case isAddress(s.URL):
		u, err := url.Parse(s.URL)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
			return errors.New("its url is an address such as https://store.example.org, without user, query and fragment")
		}
	case s.Kind == KindJameica:
		return errors.New("its url is no http or https address")
	case !filepath.IsAbs(s.URL):
		return errors.New("its url is neither an http or https address nor an absolute path")
	}
	return nil
}

func (s *Set) enabled() []*member {
	return slices.DeleteFunc(slices.Clone(s.members), func(m *member) bool { return m.source.Disabled })
}

// member finds one that is enabled.
func (s *Set) member(name string) (*member, error) {
	for _, m := range s.members {
		if m.source.Name != name {
			continue
		}
		if m.source.Disabled {
			return nil, fmt.Errorf("the repository %s is not enabled: %w", name, ErrDisabled)
		}
		return m, nil
	}
	return nil, fmt.Errorf("there is no repository %.100q: %w", name, ErrNoRepository)
}

// ErrNoRepository is why a name leads to no repository, ErrDisabled why it leads to one of
// which nothing is read.
var (
	ErrNoRepository = errors.New("no such repository")
	ErrDisabled     = errors.New("repository.<name>.enabled is false")
)

// Forget drops what is known of one repository: its number, its name, its index; of Jameica's
// who has signed what was taken from it. The next look is a first one, and takes an older
// catalogue, or another store that the same root vouches for. It is what index_other_store
// and index_rolled_back ask for where that is right. It returns how the repository stood
// before, and how it stands then.
func (s *Set) Forget(ctx context.Context, name string) (before, after Status, err error) {
	m, err := s.member(name)
	if err != nil {
		return before, after, err
	}
	if err := m.hold(ctx); err != nil {
		return before, after, err
	}
	defer m.release()
	before = m.status(s.config.Now())
	if err := m.forget(); err != nil {
		return before, after, refuse(name, CodeMemory, "what is known of the repository %s can not be removed: %w", name, err)
	}
	m.mu.Lock()
	m.checked, m.last, m.inARow, m.awaited = time.Time{}, nil, 0, time.Time{}
	m.mu.Unlock()
	m.wake()
	s.config.Log.Warn("what was known of a repository is forgotten", "name", name, "store", before.Seen.Store, "sequence", before.Seen.Sequence)
	return before, m.status(s.config.Now()), nil
}

// hold waits for the turn to look, or to forget.
func (m *member) hold(ctx context.Context) error {
	select {
	case m.looking <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *member) release() { <-m.looking }

func (m *member) wake() {
	select {
	case m.hurry <- struct{}{}:
	default:
	}
}

// Status says how each repository stands, in the order in which they go before each other.
func (s *Set) Status() []Status {
	now := s.config.Now()
	list := make([]Status, 0, len(s.members))
	for _, m := range s.members {
		list = append(list, m.status(now))
	}
	return list
}

func (m *member) status(now time.Time) Status {
	f := m.facts()
	m.mu.Lock()
	defer m.mu.Unlock()
	st := Status{
		Source: m.source, State: StateNever, Seen: f.seen, Sequence: f.sequence, Issued: f.issued, Expires: f.expires,
		Checked: m.checked, Read: f.read, Listings: f.listings, Problems: f.problems, Failures: map[Code]int64{},
	}
	for code, n := range m.failures {
		st.Failures[code] = n
	}
	switch {
	case m.source.Disabled:
		return st
	case m.last != nil:
		st.State, st.Code, st.Message = StateError, codeOf(m.last), m.last.Error()
		if f.good(now) {
			st.State = StateStale
		}
	case f.good(now):
		st.State = StateOK
	case f.known:
		st.State, st.Code = StateError, Code(store.IndexExpired)
		st.Message = f.expired(m.source.Name).Error()
	}
	return st
}

// good reports whether something is known that has not run out.
func (f facts) good(now time.Time) bool {
	return f.known && (f.expires.IsZero() || !now.After(f.expires))
}

func (f facts) expired(name string) error {
	return refuse(name, Code(store.IndexExpired), "what is known of the repository %s ran out on %s: either it has stopped, or somebody holds newer catalogues back; refresh it",
		name, f.expires.UTC().Format(time.RFC3339))
}

// codeOf is the code of whatever a look has come to.
func codeOf(err error) Code {
	if code := CodeOf(err); code != "" {
		return code
	}
	return CodeMemory // the disk, which is all else that a look depends on
}
