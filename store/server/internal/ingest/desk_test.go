package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest/formats"
	"github.com/jackfield-host/jackfield/trust"
)

const helloID = "examples.hello.HelloExtension"

// The people of the tests.
var (
	acme     = bundletest.NewSigner("acme.example", helloID, nil)
	stranger = bundletest.NewSigner("stranger.example", helloID, nil)
)

// hello is a bundle of acme's.
func hello(version string, edits ...bundletest.Edit) []byte {
	return acme.Sign(bundletest.Good(append(edits, bundletest.With("extension_version", version))...))
}

func bundles(roots ...*x509.Certificate) *formats.Bundle {
	return &formats.Bundle{
		Judge: trust.New(trust.Config{Roots: &trust.Roots{Certificates: roots}, Revocation: trust.Off}),
		Tool:  "jackfield", Version: "test",
	}
}

// both are the formats of a store that takes bundles and archives for Jami.
func both() []ingest.Format {
	return []ingest.Format{bundles(acme.Root, stranger.Root), &formats.Jami{Options: jpl.Options{Roots: jpltest.Roots(), Time: jpltest.Now()}}}
}

// world is a backend with a desk at work.
type world struct {
	backends.Backend
	*ingest.Desk
	t testing.TB
}

func open(t testing.TB, b backends.Backend, change ...func(*ingest.Config)) *world {
	t.Helper()
	cfg := ingest.Config{
		Database: b.Database, Blobs: b.Blobs, Formats: both(), Admission: ingest.Direct,
		Temp: t.TempDir(), Interval: 20 * time.Millisecond, Lease: 2 * time.Second,
	}
	for _, c := range change {
		c(&cfg)
	}
	w := &world{b, ingest.New(cfg), t}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return w
}

// submit has a file submitted by an administrator, then changed.
func (w *world) submit(file []byte, change ...func(*ingest.Upload)) store.Submission {
	w.t.Helper()
	u := ingest.Upload{Source: ingest.SourceAPI, File: "hello.jar", Actor: "token-1", Body: bytes.NewReader(file)}
	for _, c := range change {
		c(&u)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := w.Submit(ctx, u)
	if err != nil {
		w.t.Fatalf("submitting %s: %v", u.File, err)
	}
	return s
}

// publishes submits and expects it to be published.
func (w *world) publishes(file []byte, change ...func(*ingest.Upload)) store.Submission {
	w.t.Helper()
	s := w.submit(file, change...)
	if s.State != store.Accepted || len(s.Problems) > 0 {
		w.t.Fatalf("submission %d is %s: %v", s.Number, s.State, s.Problems)
	}
	return s
}

// refuses submits and expects it to be refused with a code.
func (w *world) refuses(code string, file []byte, change ...func(*ingest.Upload)) store.Submission {
	w.t.Helper()
	s := w.submit(file, change...)
	if s.State != store.NeedsChanges || len(s.Problems) == 0 || s.Problems[0].Code != code || s.Problems[0].Message == "" {
		w.t.Fatalf("submission %d is %s: %+v, want %s", s.Number, s.State, s.Problems, code)
	}
	return s
}

// listing is what the catalogue has under an id.
func (w *world) listing(id string) *store.Listing {
	w.t.Helper()
	d, err := w.Database.Document(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(d.Gzip))
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if int64(len(data)) != d.Object.Size {
		w.t.Fatalf("the document of %s has %d bytes, its row says %d", id, len(data), d.Object.Size)
	}
	var l store.Listing
	if err := json.Unmarshal(data, &l); err != nil {
		w.t.Fatal(err)
	}
	return &l
}

// trail are the actions on what the audit trail has under a target, oldest first.
func (w *world) trail(target string) []string {
	w.t.Helper()
	entries, err := w.Database.Audit(w.t.Context(), database.AuditFilter{Target: target, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	var actions []string
	for _, e := range entries {
		actions = append(actions, e.Actor+" "+e.Action)
	}
	slices.Reverse(actions)
	return actions
}

func from(organization string) func(*ingest.Upload) {
	return func(u *ingest.Upload) { u.Organization = organization }
}

func TestPublish(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		icon := painted(t)
		file := hello("1.0", bundletest.WithFile("META-INF/extension/icon.png", icon), bundletest.WithFile("META-INF/extension/README.md", []byte("# Hello")))
		s := w.publishes(file, func(u *ingest.Upload) { u.File = `C:\fakepath\hello.jar`; u.Remote = "192.0.2.1" })
		if s.File != "hello.jar" || s.Listing != helloID || s.Version != "1.0" || s.Channel != store.Stable || s.Format != store.FormatBundle || len(s.Warnings) == 0 {
			t.Errorf("%+v", s)
		}
		l := w.listing(helloID)
		r := l.Releases[0]
		if l.Readme != "# Hello" || l.Publisher.Host != "acme.example" || r.State != store.Published || r.Files[0].Digest != s.Digest || r.Signer.SignedAt.IsZero() {
			t.Errorf("%+v", l)
		}
		if kept, err := blobs.Read(t.Context(), b.Blobs, s.Digest, 1<<20); err != nil || !bytes.Equal(kept, file) {
			t.Errorf("the file is not among the blobs: %v", err)
		}
		drawn, err := blobs.Read(t.Context(), b.Blobs, l.Pictures.Icon.Digest, 1<<20)
		if err != nil || bytes.Equal(drawn, icon) || l.Pictures.Icon.Media != "image/png" {
			t.Errorf("the icon was passed through, or is not there: %v", err)
		}
		detail, err := b.Database.Detail(t.Context(), helloID, "1.0")
		if err != nil || detail.Readme != "# Hello" || len(detail.Evidence) == 0 {
			t.Errorf("the detail is %+v, %v", detail, err)
		}
		if o, err := b.Database.Organization(t.Context(), "acme.example"); err != nil || o.Title != "Test Organization" || o.Pins[0] != l.Publisher.Pin {
			t.Errorf("the organization is %+v, %v", o, err)
		}
		if got := slices.Concat(w.trail(fmt.Sprint("submission ", s.Number)), w.trail(helloID+" 1.0")); !slices.Equal(got, []string{"token-1 submit", "store publish"}) {
			t.Errorf("the audit trail has %q", got)
		}

		if again := w.publishes(file); again.Number == s.Number || !slices.ContainsFunc(again.Warnings, func(s string) bool { return strings.Contains(s, "published before") }) {
			t.Errorf("the same bytes again: %+v", again)
		}
		w.publishes(hello("1.1"))
		if l := w.listing(helloID); len(l.Releases) != 2 || l.Releases[0].Version != "1.1" || l.Readme != "" || !l.Created.Equal(w.listing(helloID).Created) {
			t.Errorf("%+v", l)
		}
		if changes, err := b.Database.Changes(t.Context(), 0, 10); err != nil || changes.Sequence != 2 {
			t.Errorf("the sequence is %d after two releases, %v", changes.Sequence, err)
		}
	})
}

// swept are blobs of which a sweep by another replica takes the first picture, between the
// moment at which it was put and that at which a row names it.
type swept struct {
	blobs.Store
	once sync.Once
}

func (s *swept) Put(ctx context.Context, r io.Reader) (object store.Object, err error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return object, err
	}
	if bytes.HasPrefix(data, []byte("\x89PNG")) {
		s.once.Do(func() { object = store.ObjectOf(data) })
	}
	if object.Digest != "" {
		return object, nil
	}
	return s.Store.Put(ctx, bytes.NewReader(data))
}

func TestAPictureThatIsSweptMeanwhile(t *testing.T) {
	b := backends.SQLite(t)
	w := open(t, b, func(c *ingest.Config) { c.Blobs = &swept{Store: b.Blobs} })
	w.publishes(hello("1.0", bundletest.WithFile("META-INF/extension/icon.png", painted(t))))
	icon := w.listing(helloID).Pictures.Icon.Digest
	for deadline := time.Now().Add(30 * time.Second); blobs.Verify(t.Context(), b.Blobs, icon) != nil; time.Sleep(5 * time.Millisecond) { // a poll
		if time.Now().After(deadline) {
			t.Fatal("the picture does not come back")
		}
	}
}

func TestRefusals(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b, func(c *ingest.Config) { c.MaxBytes = 100_000 })
		first := w.publishes(hello("1.0"))
		before := w.listing(helloID)

		w.refuses(store.CodeFormatUnknown, []byte("no archive"))
		w.refuses(store.CodeFormatUnknown, nil)
		w.refuses(string(bundle.CodeTruncated), hello("1.1")[:400])
		w.refuses(string(trust.CodeUnsigned), bundletest.Good(bundletest.With("extension_version", "1.1")))
		w.refuses(string(trust.ChainUntrusted), bundletest.NewSigner("acme.example", helloID, nil).Sign(bundletest.Good()))
		w.refuses(store.CodeIDTaken, stranger.Sign(bundletest.Good(bundletest.With("extension_version", "1.1"))))
		w.refuses(store.CodeVersionNotHigher, hello("0.9")) // no line 0 to continue
		w.refuses(store.CodeVersionExists, hello("1.0", bundletest.WithFile("data/x", []byte("x"))))

		if _, err := w.Submit(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Body: bytes.NewReader(make([]byte, 100_001))}); !errors.Is(err, ingest.ErrTooBig) {
			t.Errorf("too many bytes: %v", err)
		}
		broken := errors.New("the line is cut")
		if _, err := w.Submit(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Body: io.MultiReader(strings.NewReader("PK"), failing{broken})}); !errors.Is(err, broken) {
			t.Errorf("an upload that ends early: %v", err)
		}
		if after := w.listing(helloID); fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
			t.Errorf("what was published has changed:\n%+v\n%+v", before, after)
		}
		if _, err := b.Database.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
		if got := w.trail(fmt.Sprint("submission ", first.Number+1)); !slices.Equal(got, []string{"token-1 submit", "store refuse"}) {
			t.Errorf("the audit trail has %q", got)
		}
	})
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestOrganizationsPublishWhatTheyHaveSigned(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		add := func(name string, s *bundletest.Signer) {
			t.Helper()
			pin, err := trust.Pin(s.Organization)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Database.SaveOrganization(t.Context(), database.Organization{Name: name, Title: name, Pins: []string{pin}}, database.Entry{Actor: "test", Action: "organization.save", Target: name}); err != nil {
				t.Fatal(err)
			}
		}
		add("stranger.example", stranger)
		w.refuses(store.CodeNotYours, hello("1.0"), from("stranger.example")) // signed by nobody it knows
		add("acme.example", acme)
		w.refuses(store.CodeNotYours, hello("1.0"), from("stranger.example"))
		w.publishes(hello("1.0"), from("acme.example"))
		w.refuses(store.CodeIDTaken, stranger.Sign(bundletest.Good(bundletest.With("extension_version", "2.0"))), from("stranger.example"))

	})
}

func TestArchivesForJami(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b)
		library := "lib/x86_64-linux-gnu/lib" + jpltest.ID + ".so"
		forAndroid := func(version string) []byte {
			return jpltest.Good(jpltest.With("version", version), jpltest.Without(library), jpltest.WithFile("lib/x86_64/lib"+jpltest.ID+".so", []byte("\x7fELF"))).Build()
		}
		w.publishes(jpltest.Good().Build())
		w.publishes(forAndroid(jpltest.Version)) // the same version for another platform
		l := w.listing(jpltest.ID)
		if l.Format != store.FormatJami || len(l.Releases) != 1 || len(l.Releases[0].Files) != 2 || l.Pictures.Icon == nil || l.Texts["fr-ca"].Name != "Verdure" {
			t.Fatalf("%+v", l)
		}
		w.refuses(store.CodeVersionExists, jpltest.Good(jpltest.WithFile("data/x", []byte("x"))).Build())
		w.refuses(string(jpl.CodeVersionOrder), forAndroid("1.1"))
		w.refuses(store.CodeVersionNotHigher, forAndroid("1.0.0"))
		w.refuses(store.CodeIDTaken, jpltest.Good(jpltest.With("version", "1.0.2"), jpltest.By(jpltest.NewOrganization("Others").Certify(jpltest.ID, jpltest.OtherKey()))).Build())
		w.publishes(forAndroid("1.0.2"))
		// A new key of the signer, certified by the same organization, is the same publisher.
		w.publishes(jpltest.Good(jpltest.With("version", "1.0.3"), jpltest.By(jpltest.Organization().Certify(jpltest.ID, jpltest.OtherKey()))).Build())
		if o, err := b.Database.OrganizationOf(t.Context(), l.Publisher.Pin); err != nil || !strings.HasPrefix(o.Name, "jpl:") {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

func TestSameHostWithAnotherKey(t *testing.T) {
	renewed := bundletest.NewSigner("acme.example", helloID, nil)
	w := open(t, backends.SQLite(t), func(c *ingest.Config) { c.Formats = []ingest.Format{bundles(acme.Root, renewed.Root)} })
	w.publishes(hello("1.0"))
	next := renewed.Sign(bundletest.Good(bundletest.With("extension_version", "1.1")))
	s := w.refuses(store.CodeNotYours, next)

	o, err := w.Database.Organization(t.Context(), "acme.example")
	if err != nil {
		t.Fatal(err)
	}
	pin, err := trust.Pin(renewed.Organization)
	if err != nil {
		t.Fatal(err)
	}
	o.Pins = append(o.Pins, pin)
	if err := w.Database.SaveOrganization(t.Context(), o, database.Entry{Actor: "test", Action: "organization.save", Target: o.Name}); err != nil {
		t.Fatal(err)
	}
	again, err := w.Retry(t.Context(), s.Number, "root")
	if err != nil {
		t.Fatal(err)
	}
	if again, err = w.Wait(t.Context(), again.Number); err != nil || again.State != store.Accepted || again.Digest != s.Digest {
		t.Errorf("%+v, %v", again, err)
	}
	if l := w.listing(helloID); l.Publisher.Pin != pin {
		t.Errorf("the listing is pinned to %s", l.Publisher.Pin)
	}
}

func TestReview(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b, func(c *ingest.Config) { c.Admission = "" })
		s := w.submit(hello("1.0"))
		if s.State != store.InReview || s.Listing != helloID {
			t.Fatalf("%+v", s)
		}
		if _, err := b.Database.Document(t.Context(), helloID); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("what is in review is in the catalogue: %v", err)
		}
		second := w.submit(hello("1.0", bundletest.WithFile("data/x", []byte("x"))))
		third := w.submit(hello("1.1"))

		if s, err := w.Approve(t.Context(), s.Number, "rita"); err != nil || s.State != store.Accepted {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err := w.Approve(t.Context(), second.Number, "rita"); err != nil || s.State != store.NeedsChanges || s.Problems[0].Code != store.CodeVersionExists {
			t.Errorf("approved although the version was published meanwhile: %+v, %v", s, err)
		}
		if s, err := w.Reject(t.Context(), third.Number, "rita", "no licence"); err != nil || s.State != store.NeedsChanges || s.Problems[0].Message != "no licence" {
			t.Errorf("%+v, %v", s, err)
		}
		for name, err := range map[string]error{
			"approving what is published": second2(w.Approve(t.Context(), s.Number, "rita")),
			"approving what is rejected":  second2(w.Approve(t.Context(), third.Number, "rita")),
			"rejecting what is rejected":  second2(w.Reject(t.Context(), third.Number, "rita", "again")),
		} {
			if e, ok := errors.AsType[*ingest.ActionError](err); !ok || e.Code != ingest.WrongState {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.Approve(t.Context(), 99, "rita"); err == nil {
			t.Error("what was never submitted was approved")
		}
		if got := w.trail(helloID + " 1.0"); !slices.Equal(got, []string{"store submit for review", "store submit for review", "rita publish"}) {
			t.Errorf("the audit trail has %q", got)
		}
	})
}

func second2[T any](_ T, err error) error { return err }

// tricky is a format whose files say what happens when they are read.
type tricky struct {
	reads func() // called at each read
}

func (tricky) Name() store.Format      { return store.FormatJami }
func (tricky) Compare(a, b string) int { return strings.Compare(a, b) }
func (tricky) Sniff(f ingest.File) bool {
	head := make([]byte, 6)
	f.ReadAt(head, 0)
	return string(head) == "tricky"
}

func (k tricky) Read(ctx context.Context, f ingest.File) (*ingest.Candidate, error) {
	data := make([]byte, f.Size)
	f.ReadAt(data, 0)
	if k.reads != nil {
		k.reads()
	}
	what := strings.TrimPrefix(string(data), "tricky ")
	switch what {
	case "panics":
		var none *ingest.Candidate
		return nil, errors.New(none.ID)
	case "hangs":
		<-ctx.Done()
		return nil, ctx.Err()
	case "fails":
		return nil, errors.New("the disk is full")
	case "says nothing":
		return nil, nil
	case "is refused without a reason":
		return nil, &ingest.Refused{Problems: []store.Problem{{}}}
	}
	c := &ingest.Candidate{
		ID: "tricky", Texts: map[string]store.Text{"": {Name: "Tricky"}},
		Publisher: store.Publisher{Organization: "Tricky", Pin: "sha256:tricky"},
		Release: store.Release{Version: "1", Files: []store.File{{Name: "t", Platforms: []string{"linux-amd64"}, Digest: f.Digest, Size: f.Size}},
			Signer: store.Signer{Key: "sha256:tricky"}},
	}
	switch what {
	case "has no name":
		c.Texts = nil
	case "is for nothing":
		c.Release.Files[0].Platforms = nil
	case "has a long id":
		c.ID = strings.Repeat("x", 200)
	case "says too much":
		c.Release.Permissions = []string{strings.Repeat("x", 1<<20)}
	case "warns without end":
		for i := range 1000 {
			c.Warnings = append(c.Warnings, strings.Repeat("w", 10_000+i))
		}
	}
	return c, nil
}

func TestNothingInAFileStopsTheDesk(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		w := open(t, b, func(c *ingest.Config) {
			c.Formats = append(c.Formats, tricky{})
			c.Timeout, c.Lease, c.Attempts = time.Second, 200*time.Millisecond, 2
		})
		for what, code := range map[string]string{
			"panics": store.CodeCheckFailed, "hangs": store.CodeCheckFailed, "fails": store.CodeCheckFailed, "says nothing": store.CodeCheckFailed,
			"has no name": store.CodeTextInvalid, "is for nothing": store.CodeTextInvalid, "has a long id": store.CodeTextInvalid, "says too much": store.CodeTextInvalid,
		} {
			if s := w.refuses(code, []byte("tricky "+what)); s.Format != store.FormatJami && code != store.CodeCheckFailed {
				t.Errorf("%s: %+v", what, s)
			}
		}
		if n := testutil.ToFloat64(w.Collectors()[2]); n != 1 {
			t.Errorf("%g panics are counted, want 1", n)
		}
		if s := w.publishes([]byte("tricky warns without end")); len(s.Warnings) > 60 || len(s.Warnings[0]) > 3000 {
			t.Errorf("%d warnings, the first of %d bytes", len(s.Warnings), len(s.Warnings[0]))
		}
		w.publishes(hello("1.0"))
	})
}

// TestWhatOthersHaveLeftIsTakenUp has a replica die while it checks.
func TestWhatOthersHaveLeftIsTakenUp(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		quiet := ingest.New(ingest.Config{Database: b.Database, Blobs: b.Blobs, Formats: []ingest.Format{bundles(acme.Root)}})
		s, err := quiet.Receive(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Body: bytes.NewReader(hello("1.0"))})
		if err != nil || s.State != store.Submitted {
			t.Fatalf("%+v, %v", s, err)
		}
		dead, _, err := b.Database.ClaimSubmission(t.Context(), "dead", 300*time.Millisecond)
		if err != nil || dead.Number != s.Number {
			t.Fatalf("%+v, %v", dead, err)
		}
		w := open(t, b)
		if s, err = w.Wait(t.Context(), s.Number); err != nil || s.State != store.Accepted {
			t.Errorf("%+v, %v", s, err)
		}
		// Who comes back from the dead finds that it is no longer his.
		dead.State = store.NeedsChanges
		if err := b.Database.SaveSubmission(t.Context(), dead, "dead"); !errors.Is(err, database.ErrConflict) {
			t.Errorf("the dead one could write: %v", err)
		}
	})
}

// TestAStopGivesBack: a desk that is stopped in the middle of a check lets the next one begin
// at once, not when the claim runs out.
func TestAStopGivesBack(t *testing.T) {
	b := backends.SQLite(t)
	reading := make(chan struct{}, 10)
	cfg := ingest.Config{Database: b.Database, Blobs: b.Blobs, Formats: []ingest.Format{tricky{reads: func() { reading <- struct{}{} }}},
		Admission: ingest.Direct, Interval: 20 * time.Millisecond, Lease: time.Hour, Timeout: time.Hour}
	first := ingest.New(cfg)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { first.Run(ctx) })
	s, err := first.Receive(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Body: strings.NewReader("tricky hangs")})
	if err != nil {
		t.Fatal(err)
	}
	<-reading
	stop()
	running.Wait()
	if s, err = b.Database.Submission(t.Context(), s.Number); err != nil || s.State != store.Checking {
		t.Fatalf("%+v, %v", s, err)
	}
	cfg.Timeout = 50 * time.Millisecond
	second := ingest.New(cfg)
	ctx, stop = context.WithCancel(t.Context())
	running.Go(func() { second.Run(ctx) })
	defer running.Wait()
	defer stop()
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if s, err = second.Wait(deadline, s.Number); err != nil || s.State != store.NeedsChanges {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestReplicas has three desks share the work on one backend.
func TestReplicas(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		var mu sync.Mutex
		read := 0
		count := func() { mu.Lock(); read++; mu.Unlock() }
		var desks []*world
		for range 3 {
			desks = append(desks, open(t, b, func(c *ingest.Config) { c.Formats = append(c.Formats, tricky{reads: count}); c.Lease = time.Minute }))
		}
		const n = 30
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				w := desks[i%len(desks)]
				s, err := w.Submit(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Body: strings.NewReader(fmt.Sprintf("tricky %d", i))})
				if err != nil || s.State != store.Accepted && s.Problems[0].Code != store.CodeVersionExists {
					t.Errorf("%+v, %v", s, err)
				}
			})
		}
		all.Wait()
		if read != n {
			t.Errorf("%d files were read %d times", n, read)
		}
		if l := desks[0].listing("tricky"); len(l.Releases) != 1 {
			t.Errorf("%+v", l)
		}
		if changes, err := b.Database.Changes(t.Context(), 0, 10); err != nil || changes.Sequence != 1 {
			t.Errorf("sequence %d, %v", changes.Sequence, err)
		}
	})
}

func TestOneOrganizationDoesNotCrowdOutOthers(t *testing.T) {
	b := backends.SQLite(t)
	idle := ingest.New(ingest.Config{Database: b.Database, Blobs: b.Blobs}) // nobody checks anything
	send := func(organization string) error {
		_, err := idle.Receive(t.Context(), ingest.Upload{Source: ingest.SourceAPI, Organization: organization, Body: strings.NewReader("x")})
		return err
	}
	sent := 0
	for sent < 1000 && send("acme.example") == nil {
		sent++
	}
	if err := send("acme.example"); !errors.Is(err, ingest.ErrBusy) || sent != 50 {
		t.Errorf("after %d: %v", sent, err)
	}
	for _, other := range []string{"other.example", ""} {
		if err := send(other); err != nil {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// TestTwoReviewers end the review of one submission at once: one of them does.
func TestTwoReviewers(t *testing.T) {
	w := open(t, backends.SQLite(t), func(c *ingest.Config) { c.Admission = ingest.Review })
	for i := range 10 {
		s := w.submit(hello(fmt.Sprintf("1.%d", i)))
		var both sync.WaitGroup
		var approved, rejected error
		both.Go(func() { _, approved = w.Approve(t.Context(), s.Number, "rita") })
		both.Go(func() { _, rejected = w.Reject(t.Context(), s.Number, "rob", "no") })
		both.Wait()
		s, err := w.Database.Submission(t.Context(), s.Number)
		if err != nil {
			t.Fatal(err)
		}
		published := false
		if d, err := w.Database.Document(t.Context(), helloID); err == nil && d.ID != "" {
			published = slices.ContainsFunc(w.listing(helloID).Releases, func(r store.Release) bool { return r.Version == s.Version })
		}
		if (approved == nil) == (rejected == nil) || published != (approved == nil) || published != (s.State == store.Accepted) {
			t.Errorf("approved: %v, rejected: %v, published %t, %s", approved, rejected, published, s.State)
		}
	}
}

func TestTheSameRequestTwice(t *testing.T) {
	w := open(t, backends.SQLite(t))
	keyed := func(u *ingest.Upload) { u.Key = "request-1" }
	first := w.publishes(hello("1.0"), keyed)
	if again := w.submit(hello("1.1"), keyed); again.Number != first.Number {
		t.Errorf("the same request became submission %d, want %d", again.Number, first.Number)
	}
	if other := w.publishes(hello("1.1"), keyed, from("acme.example")); other.Number == first.Number {
		t.Error("another organization was answered with what it has not sent")
	}
}

func TestUnsigned(t *testing.T) {
	w := open(t, backends.SQLite(t), func(c *ingest.Config) {
		b := bundles(acme.Root)
		b.UnsignedUnsafe = true
		c.Formats = []ingest.Format{b}
	})
	w.publishes(bundletest.Good(bundletest.With("extension_version", "1.0")))
	if l := w.listing(helloID); l.Publisher.Pin != "" {
		t.Errorf("%+v", l.Publisher)
	}
	w.refuses(store.CodeIDTaken, hello("1.1")) // acme is not who sent the unsigned one
	w.publishes(bundletest.Good(bundletest.With("extension_version", "1.1")))
}
