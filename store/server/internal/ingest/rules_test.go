package ingest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

var day = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

var (
	acme  = &database.Organization{Name: "acme.example", Pins: []string{"sha256:aa@acme.example"}}
	other = &database.Organization{Name: "other.example", Pins: []string{"sha256:bb@other.example"}}
)

func compareVersions(a, b string) int {
	v, errA := bundle.ParseVersion(a)
	w, errB := bundle.ParseVersion(b)
	if errA != nil || errB != nil {
		panic(fmt.Sprint(errA, errB))
	}
	return v.Compare(w)
}

// proposed is a good proposal of acme's org.acme.Hello, then changed.
func proposed(version string, change ...func(*proposal)) proposal {
	p := proposal{
		Candidate: &Candidate{
			ID: "org.acme.Hello", Texts: map[string]store.Text{"": {Name: "Hello " + version}},
			Publisher: store.Publisher{Organization: "Acme", Host: "acme.example", Pin: acme.Pins[0]},
			Release: store.Release{
				Version: version, Signer: store.Signer{Name: "leaf", Key: "sha256:cc"},
				Files: []store.File{{Name: "hello.jar", Platforms: []string{"linux-amd64", "server"}, Digest: "sha256:" + version, Size: 10}},
			},
		},
		format: store.FormatBundle, compare: compareVersions, now: day,
		submission: store.Submission{Number: 1, Organization: "acme.example"},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

// holding is what the database holds once the proposals were published one after the other.
func holding(t testing.TB, history ...proposal) database.Current {
	t.Helper()
	current := database.Current{Signer: acme, Files: map[string]database.FileOwner{}}
	for _, p := range history {
		d := decide(current, p)
		if len(d.problems) > 0 {
			t.Fatalf("%s: %v", p.Release.Version, d.problems)
		}
		take(&current, d)
	}
	return current
}

// take is what the database does with a decision.
func take(current *database.Current, d decision) {
	if d.listing == nil {
		return
	}
	current.Listing, current.Owner = d.listing, map[string]*database.Organization{acme.Name: acme, other.Name: other}[d.organization]
	for _, r := range d.listing.Releases {
		for _, f := range r.Files {
			current.Files[f.Digest] = database.FileOwner{Listing: d.listing.ID, Version: r.Version, Organization: d.organization}
		}
	}
}

func asBeta(p *proposal)   { p.submission.Channel = store.Beta }
func asStable(p *proposal) { p.submission.Channel = store.Stable }
func withID(id string) func(*proposal) {
	return func(p *proposal) { p.ID = id }
}
func withDigest(digest string) func(*proposal) {
	return func(p *proposal) { p.Release.Files[0].Digest = digest }
}
func onPlatforms(platforms ...string) func(*proposal) {
	return func(p *proposal) {
		p.Release.Files[0].Platforms = platforms
		p.Release.Files[0].Digest += strings.Join(platforms, "+")
	}
}

func TestRules(t *testing.T) {
	signedByOther := func(p *proposal) { p.Publisher.Pin, p.submission.Organization = other.Pins[0], "other.example" }
	byOther := func(c *database.Current) { c.Signer = other }
	state := func(s store.ReleaseState) func(*database.Current) {
		return func(c *database.Current) { c.Listing.Releases[0].State = s }
	}
	revoke := func(r store.Revocation) func(*database.Current) {
		r.Reason = "it leaks"
		return func(c *database.Current) { c.Revocations = append(c.Revocations, r) }
	}
	sent := func(organization string) func(*proposal) {
		return func(p *proposal) { p.submission.Organization = organization }
	}
	unsigned := func(p *proposal) { p.Publisher = store.Publisher{} }
	list := func(versions ...string) (history []proposal) {
		for _, v := range versions {
			history = append(history, proposed(v))
		}
		return history
	}
	for _, c := range []struct {
		name    string
		history []proposal
		change  func(*database.Current) // of what the database holds
		p       proposal
		code    string // "" is published
		already bool
	}{
		{name: "a new id", p: proposed("1.0")},
		{name: "an administrator sends what acme signed", p: proposed("1.0", sent(""))},
		{name: "nobody knows who signed", p: proposed("1.0"), change: func(c *database.Current) { c.Signer = nil }, code: store.CodeNotYours},
		{name: "acme sends what other signed", p: proposed("1.0", func(p *proposal) { p.Publisher.Pin = other.Pins[0] }), change: byOther, code: store.CodeNotYours},
		{name: "other takes acme's id", history: list("1.0"), p: proposed("2.0", signedByOther), change: byOther, code: store.CodeIDTaken},
		{name: "other takes an id that reads like acme's", history: list("1.0"), p: proposed("2.0", signedByOther, withID("ORG-acme-hello")), change: byOther, code: store.CodeIDTaken},
		{name: "acme spells its id otherwise", history: list("1.0"), p: proposed("2.0", withID("org.acme.hello")), code: store.CodeIDTaken},
		{name: "another format under the same id", history: list("1.0"), p: proposed("2.0", func(p *proposal) { p.format = store.FormatJami }), code: store.CodeIDTaken},

		{name: "unsigned, where that is taken", p: proposed("1.0", unsigned)},
		{name: "unsigned after signed", history: list("1.0"), p: proposed("2.0", unsigned), code: store.CodeNotYours},
		{name: "signed after unsigned", history: []proposal{proposed("1.0", unsigned)}, p: proposed("2.0")},

		{name: "a higher version", history: list("1.0"), p: proposed("1.0.1")},
		{name: "higher by number, not by letters", history: list("1.9"), p: proposed("1.10")},
		{name: "lower", history: list("1.1"), p: proposed("1.0.9"), code: store.CodeVersionNotHigher},
		{name: "an earlier line is continued", history: list("1.4.2", "2.0"), p: proposed("1.4.3")},
		{name: "an earlier line, too low", history: list("1.4.2", "2.0"), p: proposed("1.4.1"), code: store.CodeVersionNotHigher},
		{name: "an earlier line that never was", history: list("2.0", "3.0"), p: proposed("1.0"), code: store.CodeVersionNotHigher},
		{name: "leading zeros are the same line", history: list("1.5", "2.0"), p: proposed("01.4"), code: store.CodeVersionNotHigher},
		{name: "leading zeros continue the same line", history: list("1.5", "2.0"), p: proposed("01.6")},
		{name: "the line of a withdrawn release", history: list("1.5"), change: state(store.Withdrawn), p: proposed("1.4"), code: store.CodeVersionNotHigher},

		{name: "a beta before its release", history: list("1.0"), p: proposed("2.0-rc.1")},
		{name: "a release after its beta", history: list("1.0", "2.0-rc.1"), p: proposed("2.0")},
		{name: "a release below a beta", history: list("2.0", "2.2-beta"), p: proposed("2.1")},
		{name: "a beta below a release", history: list("2.0"), p: proposed("2.0-rc.1"), code: store.CodeVersionNotHigher},
		{name: "a beta below a beta", history: list("2.0-rc.2"), p: proposed("2.0-rc.1"), code: store.CodeVersionNotHigher},

		{name: "the same version with other bytes", history: list("1.0"), p: proposed("1.0", withDigest("sha256:x")), code: store.CodeVersionExists},
		{name: "the same version in another spelling", history: list("1.0"), p: proposed("1.00"), code: store.CodeVersionExists},
		{name: "the same version with another build", history: list("1.0"), p: proposed("1.0+2"), code: store.CodeVersionExists},
		{name: "a withdrawn version with other bytes", history: list("1.0"), change: state(store.Withdrawn), p: proposed("1.0", withDigest("sha256:x")), code: store.CodeVersionExists},
		{name: "a withdrawn version for another platform", history: list("1.0"), change: state(store.Withdrawn), p: proposed("1.0", onPlatforms("android-arm64")), code: store.CodeVersionExists},
		{name: "more platforms of a version", history: list("1.0"), p: proposed("1.0", onPlatforms("android-arm64"))},
		{name: "more platforms, and one that is there", history: list("1.0"), p: proposed("1.0", onPlatforms("android-arm64", "server")), code: store.CodeVersionExists},
		{name: "more platforms of a version in another channel", history: list("1.0"), p: proposed("1.0", onPlatforms("android-arm64"), asBeta), code: store.CodeVersionExists},
		{name: "more platforms of an earlier version", history: list("1.0", "1.1"), p: proposed("1.0", onPlatforms("android-arm64"))},

		{name: "the same bytes again", history: list("1.0"), p: proposed("1.0"), already: true},
		{name: "the same bytes again, deprecated", history: list("1.0"), change: state(store.Deprecated), p: proposed("1.0"), already: true},
		{name: "the same bytes again, withdrawn", history: list("1.0"), change: state(store.Withdrawn), p: proposed("1.0"), code: store.CodeVersionExists},
		{name: "the same bytes again, taken down", history: list("1.0"), change: state(store.TakenDown), p: proposed("1.0"), code: store.CodeVersionExists},
		{name: "the bytes of another id", p: proposed("1.0"), change: func(c *database.Current) {
			c.Files["sha256:1.0"] = database.FileOwner{Listing: "org.acme.Bye", Version: "1.0", Organization: "acme.example"}
		}, code: store.CodeDuplicate},

		{name: "bytes that are revoked", p: proposed("1.0"), change: revoke(store.Revocation{Digest: "sha256:1.0"}), code: store.CodeRevoked},
		{name: "a version that is revoked", p: proposed("1.0"), change: revoke(store.Revocation{Listing: "org.acme.hello", Version: "1.0"}), code: store.CodeRevoked},
		{name: "an id that is revoked", p: proposed("1.0"), change: revoke(store.Revocation{Listing: "org.acme.Hello"}), code: store.CodeRevoked},
		{name: "another version is revoked", p: proposed("1.0"), change: revoke(store.Revocation{Listing: "org.acme.Hello", Version: "0.9"})},

		{name: "what the format asks for", history: list("1.0"), p: proposed("1.1", func(p *proposal) {
			p.Fits = func(versions []string) []store.Problem {
				return []store.Problem{problemf("version_order", "beside %s", versions)}
			}
		}), code: "version_order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			current := holding(t, c.history...)
			if c.change != nil {
				c.change(&current)
			}
			before := fmt.Sprintf("%+v", current.Listing)
			d := decide(current, c.p)
			switch {
			case c.code != "":
				if len(d.problems) == 0 || d.problems[0].Code != c.code || d.listing != nil || d.already {
					t.Errorf("%+v, want %s", d, c.code)
				}
			case c.already:
				if !d.already || d.listing != nil || len(d.problems) > 0 {
					t.Errorf("%+v, want what is there already", d)
				}
			case len(d.problems) > 0 || d.listing == nil || d.organization != "acme.example":
				t.Errorf("%+v, want it published", d)
			default:
				r := release(d.listing, c.p.Release.Version)
				if r == nil || r.State != store.Published || !r.Published.Equal(day) || !r.Signer.SignedAt.Equal(day) {
					t.Errorf("the release is %+v", r)
				}
			}
			if after := fmt.Sprintf("%+v", current.Listing); after != before {
				t.Errorf("the rules have changed what was there:\n%s\n%s", before, after)
			}
		})
	}
}

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		version string
		change  func(*proposal)
		want    store.Channel
	}{
		{"1.0", nil, store.Stable},
		{"1.0-rc.1", nil, store.Beta},
		{"1.0+a-b", nil, store.Stable},
		{"1.0", asBeta, store.Beta},
		{"1.0-1", asStable, store.Stable},
		{"1.0", func(p *proposal) { p.Release.Channel = store.Beta }, store.Beta},
	} {
		p := proposed(c.version)
		if c.change != nil {
			c.change(&p)
		}
		if got := p.channel(); got != c.want {
			t.Errorf("%s is %s, want %s", c.version, got, c.want)
		}
	}
}

func TestWhatPeopleReadIsOfTheNewestRelease(t *testing.T) {
	for _, c := range []struct {
		history []string
		want    string
	}{
		{[]string{"1.0", "1.1"}, "1.1"},
		{[]string{"1.0", "2.0", "1.1"}, "2.0"},
		{[]string{"1.0", "2.0-rc.1"}, "1.0"},
		{[]string{"1.0-rc.1", "1.0-rc.2"}, "1.0-rc.2"},
		{[]string{"2.0-rc.1", "1.0"}, "1.0"},
	} {
		var history []proposal
		for _, v := range c.history {
			history = append(history, proposed(v))
		}
		got := holding(t, history...).Listing
		if got.Texts[""].Name != "Hello "+c.want {
			t.Errorf("after %v people read %q, want that of %s", c.history, got.Texts[""].Name, c.want)
		}
	}
}

// TestRandomHistories holds the rules to what they are for, whatever is proposed in whatever
// order: a version is published once, what is published never changes, nobody else gets in,
// and the releases of a line go up.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 8))
		current := database.Current{Files: map[string]database.FileOwner{}}
		var order []store.Release // as they were published
		for step := range 60 {
			p, signer := proposeAtRandom(random)
			current.Signer = signer
			was := current.Listing
			d := decide(current, p)
			if (d.listing != nil) == (len(d.problems) > 0 || d.already) {
				t.Fatalf("seed %d, step %d: %+v", seed, step, d)
			}
			if d.listing == nil {
				continue
			}
			if was != nil {
				keepsAll(t, seed, was, d.listing)
			}
			if current.Owner != nil && signer != current.Owner {
				t.Fatalf("seed %d, step %d: %s got into what belongs to %s", seed, step, signer.Name, current.Owner.Name)
			}
			if !d.joined {
				order = append(order, *release(d.listing, p.Release.Version))
			}
			take(&current, d)
			if random.IntN(5) == 0 {
				i := random.IntN(len(current.Listing.Releases))
				current.Listing.Releases[i].State = []store.ReleaseState{store.Deprecated, store.Withdrawn, store.TakenDown}[random.IntN(3)]
			}
		}
		goesUp(t, seed, order)
		if l := current.Listing; l != nil && !slices.IsSortedFunc(l.Releases, func(a, b store.Release) int { return compareVersions(b.Version, a.Version) }) {
			t.Fatalf("seed %d: %+v is not the highest first", seed, l.Releases)
		}
	}
}

func proposeAtRandom(random *rand.Rand) (proposal, *database.Organization) {
	version := fmt.Sprintf("%d.%d", random.IntN(4), random.IntN(6))
	if random.IntN(4) == 0 {
		version += fmt.Sprintf("-rc.%d", random.IntN(3))
	}
	p, signer := proposed(version, withDigest(fmt.Sprintf("sha256:%d", random.IntN(200)))), acme
	switch random.IntN(8) {
	case 0:
		p.submission.Organization = ""
	case 1:
		p.submission.Channel = []store.Channel{store.Stable, store.Beta}[random.IntN(2)]
	case 2:
		p.Release.Files[0].Platforms = []string{[]string{"android-arm64", "linux-arm64"}[random.IntN(2)]}
	case 3:
		p.ID = "org-acme-hello"
	case 4:
		signer = other
		p.Publisher.Pin, p.submission.Organization = other.Pins[0], other.Name
	}
	return p, signer
}

// keepsAll holds the next listing to what was published before.
func keepsAll(t *testing.T, seed uint64, was, is *store.Listing) {
	t.Helper()
	if is.ID != was.ID || is.Format != was.Format || !is.Created.Equal(was.Created) {
		t.Fatalf("seed %d: %s became %s", seed, was.ID, is.ID)
	}
	platforms := map[string]bool{}
	for _, r := range was.Releases {
		now := release(is, r.Version)
		if now == nil || now.State != r.State || now.Channel != r.Channel {
			t.Fatalf("seed %d: %s became %+v", seed, r.Version, now)
		}
		for _, f := range r.Files {
			if !slices.ContainsFunc(now.Files, func(g store.File) bool { return g.Digest == f.Digest }) {
				t.Fatalf("seed %d: %s lost %s", seed, r.Version, f.Digest)
			}
		}
		clear(platforms)
		for _, f := range now.Files {
			for _, platform := range f.Platforms {
				if platforms[platform] {
					t.Fatalf("seed %d: %s has two files for %s", seed, r.Version, platform)
				}
				platforms[platform] = true
			}
		}
	}
}

// goesUp holds the order in which releases came to the rule of lines and channels.
func goesUp(t *testing.T, seed uint64, order []store.Release) {
	t.Helper()
	for i, later := range order {
		for _, earlier := range order[:i] {
			c := compareVersions(later.Version, earlier.Version)
			if c == 0 {
				t.Fatalf("seed %d: %s was published twice", seed, later.Version)
			}
			if c < 0 && line(later.Version) == line(earlier.Version) && (later.Channel == store.Beta || earlier.Channel == store.Stable) {
				t.Fatalf("seed %d: %s %s after %s %s", seed, later.Channel, later.Version, earlier.Channel, earlier.Version)
			}
		}
	}
}
