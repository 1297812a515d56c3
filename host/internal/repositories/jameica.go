package repositories

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/resolver"
)

const (
	keptContents = "contents.json"
	maxContents  = 64 << 20
	// maxTold is how many problems of a repository are told.
	maxTold = 50
	// serverPlatform is that of what runs on every host.
	serverPlatform = "server"
)

// jameicaSite is a repository of Jameica's. Nothing of it is signed but the ZIPs.
type jameicaSite struct {
	source Source
	config *Config
	client *jameica.Client
	dir    string
	zips   *zips

	mu       sync.Mutex // guards what follows
	contents *jameica.Contents
	read     time.Time
	problems []string
	// signers are the pins of who signed the first ZIP that was taken of a name.
	signers map[string]string
}

func openJameica(source Source, config *Config) *jameicaSite {
	dir := filepath.Join(config.Dir, source.Name)
	transport := &conditional{next: newTransport(config.Patience)}
	return &jameicaSite{
		source: source, config: config, dir: dir, zips: openZips(dir, config.Now()), signers: map[string]string{},
		client: &jameica.Client{Transport: transport, Timeout: config.Patience, Stall: config.Patience},
	}
}

// keptSite is contents.json.
type keptSite struct {
	Name     string            `json:"name"`
	Read     time.Time         `json:"read"`
	Problems []string          `json:"problems"`
	Signers  map[string]string `json:"signers"`
	Releases []keptRelease     `json:"releases"`
}

type keptRelease struct {
	Group    string            `json:"group"`
	Folder   string            `json:"folder"`
	Manifest *jameica.Manifest `json:"manifest"`
	Chain    [][]byte          `json:"chain,omitempty"` // DER
}

// recall takes up what the disk has.
func (j *jameicaSite) recall(context.Context) error {
	data, err := readBounded(filepath.Join(j.dir, keptContents), maxContents)
	if err != nil {
		return nil // as good as not there
	}
	var kept keptSite
	if err := json.Unmarshal(data, &kept); err != nil {
		return nil
	}
	contents := &jameica.Contents{Name: kept.Name}
	for _, r := range kept.Releases {
		release := jameica.Release{Group: r.Group, Folder: r.Folder, Manifest: r.Manifest}
		for _, der := range r.Chain {
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				return nil
			}
			release.Chain = append(release.Chain, certificate)
		}
		if r.Manifest == nil || jameica.CheckName(r.Manifest.Name) != nil {
			return nil
		}
		contents.Releases = append(contents.Releases, release)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.contents, j.read, j.problems = contents, kept.Read, kept.Problems
	if kept.Signers != nil {
		j.signers = kept.Signers
	}
	return nil
}

// store writes what is known; the caller holds mu.
func (j *jameicaSite) store() error {
	kept := keptSite{Name: j.contents.Name, Read: j.read, Problems: j.problems, Signers: j.signers}
	for _, r := range j.contents.Releases {
		manifest := *r.Manifest
		manifest.Problems = nil // they are told among those of the repository
		k := keptRelease{Group: r.Group, Folder: r.Folder, Manifest: &manifest}
		for _, c := range r.Chain {
			k.Chain = append(k.Chain, c.Raw)
		}
		kept.Releases = append(kept.Releases, k)
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(j.dir, keptContents), data, 0o600)
}

// look reads all documents. Those that have not changed are not sent again.
func (j *jameicaSite) look(ctx context.Context) error {
	if _, err := j.roots(); err != nil {
		return refuse(j.source.Name, CodeRoot, "the repository %s: %w", j.source.Name, err)
	}
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return refuse(j.source.Name, CodeMemory, "the repository %s: %w", j.source.Name, err)
	}
	contents, err := j.client.Read(ctx, j.source.URL)
	if err != nil {
		return j.explain(ctx, err)
	}
	var problems []string
	for _, p := range contents.Problems {
		if len(problems) == maxTold {
			problems = append(problems, fmt.Sprintf("… and %d more", len(contents.Problems)-maxTold))
			break
		}
		problems = append(problems, p.Error())
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.contents, j.read, j.problems = contents, j.config.Now(), problems
	return j.store()
}

// roots are those who vouch for groups, nil for nobody.
func (j *jameicaSite) roots() (*x509.CertPool, error) {
	if j.source.Root == "" {
		return nil, nil
	}
	return readPool(j.source.Root)
}

func (j *jameicaSite) facts() facts {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.contents == nil {
		return facts{}
	}
	names := map[string]bool{}
	for _, r := range j.contents.Releases {
		names[r.Manifest.Name] = true
	}
	return facts{known: true, read: j.read, listings: len(names), problems: slices.Clone(j.problems)}
}

func (j *jameicaSite) forget() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.contents, j.read, j.problems, j.signers = nil, time.Time{}, nil, map[string]string{}
	return os.RemoveAll(j.dir)
}

// listing makes a listing of what the documents say of a name.
func (j *jameicaSite) listing(_ context.Context, id string) (*store.Listing, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var l *store.Listing
	if j.contents != nil {
		l = listingOf(j.contents, id)
	}
	if l == nil {
		return nil, refuse(j.source.Name, Code(store.IndexUnknown), "the repository %s has no %.100q", j.source.Name, id)
	}
	return l, nil
}

// listingOf is nil where the contents have no such name. Its texts are of the highest
// release.
func listingOf(c *jameica.Contents, id string) *store.Listing {
	var releases []jameica.Release
	for _, r := range c.Releases {
		if store.FoldID(r.Manifest.Name) == store.FoldID(id) {
			releases = append(releases, r)
		}
	}
	if len(releases) == 0 {
		return nil
	}
	slices.SortStableFunc(releases, func(a, b jameica.Release) int {
		return jameica.ParseVersion(b.Manifest.Version).Ordered().Compare(jameica.ParseVersion(a.Manifest.Version).Ordered())
	})
	best := releases[0].Manifest
	l := &store.Listing{
		ID: best.Name, Format: store.FormatJameica, License: best.License,
		Texts: map[string]store.Text{"": {Name: best.Name, Description: best.Description}},
		Links: store.Links{Homepage: best.Homepage},
	}
	if chain := releases[0].Chain; chain != nil {
		l.Publisher = store.Publisher{Organization: chain.Leaf().Subject.String(), Pin: jameica.Pin(chain.Leaf())}
	}
	for _, r := range releases {
		if r.Manifest.Name != best.Name {
			continue // another spelling, which is another thing there
		}
		release := store.Release{
			Version: r.Manifest.Version, Channel: store.Stable, State: store.Published,
			Files: []store.File{{Platforms: []string{serverPlatform}}},
		}
		for _, d := range r.Manifest.Requires {
			if d.OnHost() || d.Obsolete() {
				continue
			}
			text := strings.TrimSpace(d.Name + " " + d.Version.String())
			if !d.Required {
				text += "; optional"
			}
			release.Requires = append(release.Requires, text)
		}
		if r.Chain != nil {
			release.Signer = store.Signer{Name: r.Chain.Leaf().Subject.String(), Key: jameica.Pin(r.Chain.Leaf())}
		}
		l.Releases = append(l.Releases, release)
	}
	return l
}

// releases are those of a listing. What they ask of Jameica itself is not asked here: the
// bundle in the ZIP says which hosts it is for. Nor is it known whose the bundle is before it
// is here: only where its ZIP is signed by whoever signed what was taken before of this name
// it is by publisher, to whom the id is pinned.
func (j *jameicaSite) releases(l *store.Listing, _ bool, publisher string) ([]resolver.Release, []error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.contents == nil {
		return nil, nil
	}
	list := j.contents.Offer(l.ID)
	before, known := j.signers[l.ID]
	for i := range list {
		same := known && list[i].Publisher == before
		list[i].Host, list[i].Publisher = nil, ""
		if same {
			list[i].Publisher = publisher
		}
	}
	return list, nil
}

// names are all that there are.
func (j *jameicaSite) names() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := map[string]bool{}
	var names []string
	if j.contents != nil {
		for _, r := range j.contents.Releases {
			if name := r.Manifest.Name; !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

func (j *jameicaSite) notices(context.Context) ([]store.Advisory, []store.Revocation, error) {
	return nil, nil, nil
}

// icon is none: the documents name no pictures.
func (j *jameicaSite) icon(_ context.Context, l *store.Listing) ([]byte, error) {
	return nil, refuse(j.source.Name, Code(store.IndexUnknown), "%.100q has no icon", l.ID)
}

// explain gives what a client of Jameica's refuses the codes that stores have.
func (j *jameicaSite) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &Error{Repository: j.source.Name, Code: codeOfJameica(err), Err: fmt.Errorf("the repository %s: %w", j.source.Name, err)}
}

func codeOfJameica(err error) Code {
	if errors.Is(err, context.DeadlineExceeded) || isSilence(err) {
		return Code(store.IndexTooSlow)
	}
	switch jameica.CodeOf(err) {
	case jameica.CodeUnreachable, "":
		return Code(store.IndexUnreachable)
	case jameica.CodeRedirectRefused:
		return CodeRedirected
	case jameica.CodeTooBig:
		return Code(store.IndexTooLarge)
	case jameica.CodeUntrusted, jameica.CodeWeakAlgorithm, jameica.CodeUnsigned, jameica.CodeUncertified, jameica.CodeSignatureInvalid, jameica.CodeCertificateInvalid:
		return CodeSignature
	case jameica.CodeArchive, jameica.CodeMismatch:
		return CodeNoBundle
	}
	return Code(store.IndexMalformed)
}
