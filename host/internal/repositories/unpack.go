package repositories

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
)

// maxJars is how many JARs of a ZIP are looked into for the bundle.
const maxJars = 16

// fetch downloads the ZIP of a release, judges its signature, and gives the bundle in it.
// What into holds is of no use: which bytes there should be is not known before.
func (j *jameicaSite) fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) (Fetched, error) {
	release, trusted, err := j.wanted(want)
	if err != nil {
		return Fetched{}, err
	}
	zip, err := os.CreateTemp(j.dir, "zip-*")
	if err != nil {
		return Fetched{}, fmt.Errorf("keeping a ZIP while it is looked into: %w", err)
	}
	defer os.Remove(zip.Name())
	defer zip.Close()
	var size int64
	download, err := j.client.Download(ctx, release, trusted, writerFunc(func(p []byte) (int, error) {
		n, err := zip.Write(p)
		size += int64(n)
		progress(size, 0)
		return n, err
	}))
	if err != nil {
		return Fetched{}, j.explain(ctx, err)
	}
	file, err := bundle.NewFile(zip, download.Size, bundle.DefaultLimits())
	if err != nil {
		return Fetched{}, refuse(j.source.Name, CodeNoBundle, "the ZIP of %s %s is not sound: %w", want.ID, want.Version, err)
	}
	archive, err := jameica.OpenArchive(ctx, file, jameica.Limits{})
	if err == nil {
		err = archive.Matches(release.Manifest)
	}
	if err != nil {
		if ctx.Err() != nil {
			return Fetched{}, context.Cause(ctx)
		}
		return Fetched{}, refuse(j.source.Name, CodeNoBundle, "the ZIP of %s %s: %w", want.ID, want.Version, err)
	}
	fetched, err := j.extract(ctx, file, archive.Folder, want, into)
	if err != nil {
		return Fetched{}, errors.Join(err, into.Truncate(0))
	}
	return fetched, j.signedBy(want.ID, download)
}

// wanted finds a release, and whom it has to be signed by.
func (j *jameicaSite) wanted(want Want) (jameica.Release, jameica.Trust, error) {
	roots, err := j.roots()
	if err != nil {
		return jameica.Release{}, jameica.Trust{}, refuse(j.source.Name, CodeRoot, "the repository %s: %w", j.source.Name, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.contents != nil {
		for _, r := range j.contents.Releases {
			if r.Manifest.Name == want.ID && r.Manifest.Version == want.Version {
				if err := j.planned(r, want); err != nil {
					return jameica.Release{}, jameica.Trust{}, err
				}
				return r, jameica.Trust{Roots: roots, Time: j.config.Now(), AllowUnsigned: j.source.Unsigned}, nil
			}
		}
	}
	return jameica.Release{}, jameica.Trust{}, refuse(j.source.Name, CodeReleaseGone, "%s does not offer %s %s any more: plan anew", j.source.Name, want.ID, want.Version)
}

// planned refuses a release of another signer than the plan knew. The caller holds mu.
func (j *jameicaSite) planned(r jameica.Release, want Want) error {
	pin := ""
	if r.Chain != nil {
		pin = jameica.Pin(r.Chain.Leaf())
	}
	if pin == j.signers[want.ID] || pin == want.Publisher {
		return nil
	}
	return refuse(j.source.Name, CodeSignature, "%s %s is signed by another than was planned, or not any more: plan anew", want.ID, want.Version)
}

// signedBy remembers who signed what was taken of a name. Whoever took it has consented to
// that signer, if it is a new one.
func (j *jameicaSite) signedBy(id string, d *jameica.Download) error {
	pin := ""
	if d.Signer != nil {
		pin = jameica.Pin(d.Signer)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.signers[id] == pin || j.contents == nil {
		return nil
	}
	j.signers[id] = pin
	return j.store()
}

// extract finds the bundle in the folder of a ZIP: the JAR whose manifest has the id and the
// version of the release.
func (j *jameicaSite) extract(ctx context.Context, zip *bundle.File, folder string, want Want, into store.Partial) (Fetched, error) {
	looked := 0
	for _, e := range zip.Entries() {
		inside, ok := strings.CutPrefix(e.Name, folder+"/")
		if !ok || strings.Contains(inside, "/") || !strings.HasSuffix(strings.ToLower(inside), ".jar") {
			continue
		}
		if looked++; looked > maxJars {
			break
		}
		fetched, found, err := j.jar(ctx, zip, e.Name, want, into)
		if found || err != nil {
			return fetched, err
		}
	}
	return Fetched{}, refuse(j.source.Name, CodeNoBundle, "the ZIP of %s %s has no bundle of that id and version in it: it is for Jameica, not for this host", want.ID, want.Version)
}

// jar copies a JAR to into, and reports whether it is the bundle.
func (j *jameicaSite) jar(ctx context.Context, zip *bundle.File, name string, want Want, into store.Partial) (Fetched, bool, error) {
	data, err := zip.OpenEntry(name)
	if err != nil {
		return Fetched{}, false, err
	}
	defer data.Close()
	if err := into.Truncate(0); err != nil {
		return Fetched{}, false, err
	}
	if _, err := into.Seek(0, io.SeekStart); err != nil {
		return Fetched{}, false, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(into, sum), reading{ctx, data})
	if err != nil {
		return Fetched{}, false, err
	}
	if !isBundle(ctx, into, size, want) {
		return Fetched{}, false, nil
	}
	fetched := Fetched{Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: size}
	if want.Digest != "" && want.Digest != fetched.Digest {
		return Fetched{}, true, refuse(j.source.Name, CodeReleaseGone, "the bundle of %s %s has the digest %s, and the plan names %s: plan anew", want.ID, want.Version, fetched.Digest, want.Digest)
	}
	return fetched, true, nil
}

// isBundle reads what a JAR claims to be. It is verified later, like an upload.
func isBundle(ctx context.Context, at io.ReadSeeker, size int64, want Want) bool {
	file, err := bundle.NewFile(readerAt{at}, size, bundle.DefaultLimits())
	if err != nil {
		return false
	}
	const manifest = "META-INF/MANIFEST.MF"
	text, err := file.OpenEntry(manifest)
	if err != nil {
		return false
	}
	defer text.Close()
	data, err := io.ReadAll(io.LimitReader(reading{ctx, text}, 1<<20))
	if err != nil {
		return false
	}
	m, _, err := bundle.ParseManifest(data)
	if err != nil || m.ID != want.ID {
		return false
	}
	listed, err := bundle.ParseVersion(want.Version)
	return m.Version.String() == want.Version || err == nil && m.Version.Compare(listed) == 0
}

// readerAt reads at places of what can be read from one place at a time.
type readerAt struct{ r io.ReadSeeker }

func (r readerAt) ReadAt(p []byte, offset int64) (int, error) {
	if _, err := r.r.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r.r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// reading ends with its context.
type reading struct {
	ctx context.Context
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
