package formats

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/trust"
)

// JavaPlatform is what a ZIP for Jameica is for: it runs wherever Java does.
const JavaPlatform = "java"

// Jameica reads ZIPs for Jameica (docs/jameica.md).
type Jameica struct {
	// Judge judges who signed. Nobody can sign within such a ZIP, so that its signature
	// comes beside it.
	Judge  Judge
	Limits bundle.Limits
	// UnsignedUnsafe takes ZIPs that came without a signature. For development only.
	UnsignedUnsafe bool
	// Base is where clients reach the store: a homepage that is validated and is elsewhere
	// keeps them from updates. nil says nothing of it.
	Base *url.URL
	// Tool is the program and version that evidence names.
	Tool, Version string

	drawing drawing
}

// Name is store.FormatJameica.
func (*Jameica) Name() store.Format { return store.FormatJameica }

// jameicaManifest is where the manifest of such a ZIP lies: in the one folder.
var jameicaManifest = regexp.MustCompile(`^[^/]+/plugin\.xml$`)

// Sniff takes what has a plugin.xml in a folder.
func (*Jameica) Sniff(f ingest.File) bool {
	return slices.ContainsFunc(f.Names, jameicaManifest.MatchString)
}

// Compare compares as Jameica does, and of two builds of one number the one without a
// suffix is the higher.
func (*Jameica) Compare(a, b string) int {
	return jameica.ParseVersion(a).Ordered().Compare(jameica.ParseVersion(b).Ordered())
}

// Read reads a ZIP by the rules of both generations of the client and by ours, and has the
// signature beside it judged.
func (j *Jameica) Read(ctx context.Context, file ingest.File) (*ingest.Candidate, error) {
	f, err := bundle.NewFile(file, file.Size, j.Limits)
	if err != nil {
		return nil, ofBundle(err)
	}
	limits := jameica.Limits{DocumentBytes: maxWhole}
	a, err := jameica.OpenArchive(ctx, f, limits)
	if err != nil {
		return nil, ofJameica(err)
	}
	var problems []store.Problem // what is odd is not passed on
	for _, fault := range a.Faults(limits) {
		problems = append(problems, store.Problem{Code: string(fault.Code), Entry: fault.Subject, Message: fault.Message})
	}
	if len(problems) > 0 {
		return nil, refused(problems...)
	}
	verdict, err := j.judge(ctx, a.Manifest.Name, file)
	if err != nil {
		return nil, err
	}
	return j.candidate(f, a, file, verdict)
}

// ofJameica makes a refusal of an error of package jameica, or of the container.
func ofJameica(err error) error {
	var e *jameica.Error
	if !errors.As(err, &e) {
		return ofBundle(err)
	}
	return refused(store.Problem{Code: string(e.Code), Entry: e.Subject, Message: e.Message})
}

// judge judges the signature that came with a file.
func (j *Jameica) judge(ctx context.Context, id string, file ingest.File) (trust.Verdict, error) {
	if file.Detached == nil {
		if j.UnsignedUnsafe {
			return trust.Verdict{State: trust.Unsigned}, nil
		}
		return trust.Verdict{}, refused(store.Problem{Code: string(trust.CodeUnsigned),
			Message: "nobody has signed it, and a ZIP for Jameica has no place for that: send the signature beside it ('jackfield store publish --signature … --certificate …')"})
	}
	chain, problem := detached(file)
	if problem != nil {
		return trust.Verdict{}, refused(*problem)
	}
	verdict := j.Judge.Judge(ctx, trust.Claim{ID: id, Chain: chain})
	if err := ctx.Err(); err != nil {
		return trust.Verdict{}, err // a question that was broken off says nothing
	}
	if verdict.State != trust.Valid {
		return trust.Verdict{}, refused(store.Problem{Code: string(verdict.Code), Message: verdict.Message})
	}
	return verdict, nil
}

func (j *Jameica) candidate(f *bundle.File, a *jameica.Archive, file ingest.File, verdict trust.Verdict) (*ingest.Candidate, error) {
	m, n, names := a.Manifest, &notes{}, map[string]int64{}
	for _, e := range f.Entries() {
		names[e.Name] = e.Size
	}
	in := a.Folder + "/"
	c := &ingest.Candidate{
		ID: m.Name,
		// The name is all that there is: it is what Jameica shows, too.
		Texts:     map[string]store.Text{"": {Name: line(m.Name, maxName), Description: n.cut("the description", m.Description, maxDescription)}},
		Publisher: publisher(verdict),
		License:   line(m.License, maxName),
		Links:     store.Links{Homepage: webAddress(m.Homepage)},
		Release: store.Release{
			Version: m.Version, MinHost: string(m.Host), Requires: needs(m),
			Files: []store.File{{Name: fileName(m.Name, m.Version, ".zip"), Platforms: []string{JavaPlatform}, Digest: file.Digest, Size: file.Size}},
		},
		Fits: func(versions []string) []store.Problem { return alike(m.Version, versions) },
	}
	if len(verdict.Chain) > 0 {
		c.Release.Signer = store.Signer{Name: line(verdict.Signer, maxName), Key: keyOf(verdict.Chain[0]), SignedAt: verdict.SignedAt}
	}
	readme, changelog := n.text(f, names, in+"README.md", maxWhole), n.text(f, names, in+"CHANGELOG.md", maxWhole)
	c.Readme = n.cut("the README in the listing", readme, maxReadme)
	c.Release.Changelog = n.cut("the changelog of this version", section(changelog, jameica.ParseVersion(m.Version).Ordered()), maxChangelog)
	c.Detail = store.Detail{Manifest: n.text(f, names, in+"plugin.xml", maxWhole), Readme: readme, Changelog: changelog, Evidence: j.evidence(file, verdict)}
	if m.Icon != "" {
		if _, ok := names[in+m.Icon]; !ok {
			n.warn("the icon %s is not in the ZIP: those who look for an extension miss it", m.Icon)
		}
		c.Icon = n.picture(&j.drawing, f, names, iconBounds, in+m.Icon)
	}
	if m.Homepage != "" && c.Links.Homepage == "" {
		n.warn("the homepage is no http or https address and is left out")
	}
	if m.HomepageValidate && j.elsewhere(m.Homepage) {
		n.warn("its homepage is validated and is not this store: Jameica installs it from here, but never offers releases of this store as updates; leave validate out")
	}
	if len(n.problems) > 0 {
		return nil, refused(n.problems...)
	}
	if verdict.State == trust.Unsigned {
		n.warn("nobody has signed it")
	}
	c.Warnings = n.warnings
	return c, nil
}

// needs are the imports of a manifest, one per item: "name requirement; optional".
func needs(m *jameica.Manifest) []string {
	var list []string
	for _, d := range m.Requires {
		need := strings.TrimSpace(d.Name + " " + string(d.Version))
		if !d.Required {
			need += "; optional"
		}
		list = append(list, need)
	}
	return list
}

// alike refuses a version whose numbers are those of one that was published: suffixes do not
// count for Jameica, so that nobody who has the one would be offered the other.
func alike(version string, others []string) []store.Problem {
	for _, other := range others {
		if other != version && jameica.ParseVersion(other).Compare(jameica.ParseVersion(version)) == 0 {
			return []store.Problem{{Code: store.CodeVersionExists,
				Message: fmt.Sprintf("for Jameica the version %s is the same as %s, which was published: those who have it would never be offered this one; raise a number", version, other)}}
		}
	}
	return nil
}

// webAddress is an address that a page can lead to, else "".
func webAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(text) > maxName*4 {
		return ""
	}
	return u.String()
}

func (j *Jameica) elsewhere(homepage string) bool {
	u, err := url.Parse(homepage)
	return j.Base != nil && (err != nil || !strings.EqualFold(u.Hostname(), j.Base.Hostname()))
}

func (j *Jameica) evidence(file ingest.File, verdict trust.Verdict) []store.Evidence {
	list := []store.Evidence{{Check: "jameica", Tool: j.Tool, Version: j.Version, Input: file.Digest, Verdict: "passed",
		Text: "container, folder, names and plugin.xml hold for both generations of the client"}}
	for _, c := range verdict.Checks {
		word := "passed"
		if c.Warning {
			word = "warned"
		}
		list = append(list, store.Evidence{Check: c.Name, Tool: j.Tool, Version: j.Version, Input: file.Digest, Verdict: word, Text: line(c.Detail, maxDescription)})
	}
	return list
}
