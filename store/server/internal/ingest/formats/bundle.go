package formats

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/trust"
)

// Where a bundle has what is shown of it (docs/bundle.md).
const (
	manifestName  = "META-INF/MANIFEST.MF"
	describing    = "META-INF/extension/"
	screenshotsIn = describing + "screenshots/"
)

// Bundle reads our own bundles.
type Bundle struct {
	Judge  Judge
	Limits bundle.Limits
	// UnsignedUnsafe takes bundles that nobody has signed. For development only.
	UnsignedUnsafe bool
	// Tool is the program and version that evidence names.
	Tool, Version string

	drawing drawing
}

// Judge judges who signed a bundle: a *trust.Judge.
type Judge interface {
	Judge(ctx context.Context, claim trust.Claim) trust.Verdict
}

// Name is store.FormatBundle.
func (*Bundle) Name() store.Format { return store.FormatBundle }

// Sniff takes what has a manifest of Java, whatever its letters' case, and what begins like
// a ZIP archive and can not be read as one: why it can not is for package bundle to say.
func (*Bundle) Sniff(f ingest.File) bool {
	if f.Names == nil {
		head := make([]byte, 2)
		_, err := f.ReadAt(head, 0)
		return err == nil && string(head) == "PK"
	}
	return forHosts(f.Names) && !forJami(f.Names)
}

func forHosts(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, manifestName) })
}

// Compare compares as package bundle does.
func (*Bundle) Compare(a, b string) int { return compareVersions(a, b) }

// Read verifies a bundle and has its signature judged.
func (b *Bundle) Read(ctx context.Context, file ingest.File) (*ingest.Candidate, error) {
	f, err := bundle.NewFile(file, file.Size, b.Limits)
	if err != nil {
		return nil, ofBundle(err)
	}
	v, err := bundle.Verify(ctx, f)
	if err != nil {
		return nil, ofBundle(err)
	}
	verdict := b.Judge.Judge(ctx, claim(v))
	if err := ctx.Err(); err != nil {
		return nil, err // a question that was broken off says nothing
	}
	if verdict.State != trust.Valid && !(b.UnsignedUnsafe && verdict.State == trust.Unsigned) {
		return nil, refused(store.Problem{Code: string(verdict.Code), Message: verdict.Message})
	}
	return b.candidate(f, v, verdict)
}

// ofBundle makes a refusal of an error of package bundle; others, like that of a context, are
// returned as they are.
func ofBundle(err error) error {
	var e *bundle.Error
	if !errors.As(err, &e) || (e.Code == bundle.CodeUnreadable && e.Err != nil) {
		return err
	}
	return refused(store.Problem{Code: string(e.Code), Entry: e.Entry, Line: e.Line, Message: e.Message})
}

func claim(v *bundle.Verified) trust.Claim {
	c := trust.Claim{ID: v.Manifest().ID}
	if signed, ok := v.Signed(); ok {
		c.Chain, c.Staples = signed.Chain, signed.Staples
		if t := signed.Timestamp; t != nil {
			c.SignedAt, c.TimestampChain = t.Time, t.Chain
		}
	}
	return c
}

func (b *Bundle) candidate(f *bundle.File, v *bundle.Verified, verdict trust.Verdict) (*ingest.Candidate, error) {
	m := v.Manifest()
	n := &notes{warnings: v.Warnings()}
	names := map[string]int64{}
	for _, e := range f.Entries() {
		names[e.Name] = e.Size
	}
	c := &ingest.Candidate{
		ID:        m.ID,
		Texts:     map[string]store.Text{"": {Name: line(m.Name, maxName), Description: n.cut("the description", m.Description, maxDescription)}},
		Publisher: publisher(verdict),
		License:   line(m.License, maxName),
		Links: store.Links{Homepage: m.Homepage, Support: m.Support, ReleaseNotes: m.ReleaseNotes,
			Source: m.Source, Security: m.Security},
		Release: b.release(v, verdict),
	}
	b.texts(c, n, f, v, names)
	c.Icon = n.picture(&b.drawing, f, names, iconBounds, describing+"icon.png", describing+"icon.svg")
	c.Background = n.picture(&b.drawing, f, names, largeBounds,
		describing+"background.png", describing+"background.jpg", describing+"background.jpeg", describing+"background.svg")
	c.Screenshots = n.screenshots(&b.drawing, f, names, screenshotsIn)
	c.Detail.Evidence = b.evidence(v, verdict)
	if len(n.problems) > 0 {
		return nil, refused(n.problems...)
	}
	if verdict.State == trust.Unsigned {
		n.warn("nobody has signed it")
	}
	c.Warnings = n.warnings
	return c, nil
}

func (b *Bundle) release(v *bundle.Verified, verdict trust.Verdict) store.Release {
	m := v.Manifest()
	r := store.Release{
		Version: m.Version.String(),
		Files: []store.File{{
			Name:      fileName(m.ID, m.Version.String(), ".jar"),
			Platforms: append(v.Platforms(), ServerPlatform),
			Digest:    v.Digest(), Size: v.Size(),
		}},
		Permissions: slices.Clone(m.Permissions),
	}
	slices.Sort(r.Files[0].Platforms)
	if m.MinHost != nil {
		r.MinHost = m.MinHost.String()
	}
	for _, need := range m.Requires {
		r.Requires = append(r.Requires, need.String())
	}
	for _, t := range declared(v) {
		r.Types = append(r.Types, t.Type)
	}
	if len(verdict.Chain) > 0 {
		r.Signer = store.Signer{Name: line(verdict.Signer, maxName), Key: keyOf(verdict.Chain[0]), SignedAt: verdict.SignedAt}
	}
	return r
}

// ServerPlatform is what every bundle has beside the platforms of its executables: it runs
// in a host.
const ServerPlatform = "server"

// declared are the types with their schemas; a bundle without types.json has the two of its
// manifest.
func declared(v *bundle.Verified) []store.TypeDetail {
	m := v.Manifest()
	if !v.HasTypes() {
		return []store.TypeDetail{{Type: store.Type{Name: m.Request, Role: "request"}}, {Type: store.Type{Name: m.Response, Role: "response"}}}
	}
	var list []store.TypeDetail
	for _, t := range v.Types() {
		list = append(list, store.TypeDetail{Type: store.Type{Name: t.Name, Role: string(t.Role)}, Schema: t.Schema})
	}
	return list
}

// texts fills in README, changelog and what is kept of them for one release.
func (b *Bundle) texts(c *ingest.Candidate, n *notes, f *bundle.File, v *bundle.Verified, names map[string]int64) {
	readme := n.text(f, names, describing+"README.md", maxWhole)
	changelog := n.text(f, names, describing+"CHANGELOG.md", maxWhole)
	for _, missing := range []string{"README.md", "CHANGELOG.md", "LICENSE", "icon.png"} {
		if _, ok := names[describing+missing]; !ok {
			n.warn("there is no %s: those who look for an extension miss it", describing+missing)
		}
	}
	c.Readme = n.cut("the README in the listing", readme, maxReadme)
	c.Release.Changelog = n.cut("the changelog of this version", section(changelog, v.Manifest().Version), maxChangelog)
	c.Detail = store.Detail{Readme: readme, Changelog: changelog, Types: declared(v)}
	for name := range names {
		if strings.EqualFold(name, manifestName) {
			c.Detail.Manifest = n.text(f, names, name, maxWhole)
		}
	}
}

// evidence is what was found, check by check.
func (b *Bundle) evidence(v *bundle.Verified, verdict trust.Verdict) []store.Evidence {
	list := []store.Evidence{b.found(v, "bundle", "passed", "container, manifest, types, schema and signature hold")}
	for _, c := range verdict.Checks {
		word := "passed"
		switch {
		case !c.OK:
			word = "failed"
		case c.Warning:
			word = "warned"
		}
		list = append(list, b.found(v, c.Name, word, line(c.Detail, maxDescription)))
	}
	return list
}

func (b *Bundle) found(v *bundle.Verified, check, verdict, text string) store.Evidence {
	return store.Evidence{Check: check, Tool: b.Tool, Version: b.Version, Input: v.Digest(), Verdict: verdict, Text: text}
}

// publisher is who the chain proves; of what nobody signed, nobody.
func publisher(verdict trust.Verdict) store.Publisher {
	if verdict.Publisher == "" {
		return store.Publisher{}
	}
	_, host, _ := strings.Cut(verdict.Publisher, "@")
	return store.Publisher{Organization: line(verdict.Organization, maxName), Host: host, Pin: verdict.Publisher}
}

// keyOf names the key of a certificate: "sha256:<hex of its SubjectPublicKeyInfo>".
func keyOf(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:])
}
