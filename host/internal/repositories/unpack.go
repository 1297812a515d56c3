package repositories

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
)

// maxJars is how many JARs of a ZIP are looked into for the bundle.
const maxJars = 16

// fetch downloads the ZIP of a release, judges its signature, and gives the bundle in it.
// What into holds is of no use: which bytes there should be is not known before. The ZIP is
// gone on with where it was broken off.
func (j *jameicaSite) fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) (Fetched, error) {
	release, trusted, err := j.wanted(want)
	if err != nil {
		return Fetched{}, err
	}
	zip, err := j.zips.open(release.Manifest.URL, func(size int64) { progress(size, 0) })
	if err != nil {
		return Fetched{}, err
	}
	download, err := j.client.Resume(ctx, release, trusted, &zip.Partial)
	defer func() { zip.close(err) }()
	if err != nil {
		return Fetched{}, j.explain(ctx, err)
	}
	fetched, err := j.unpack(ctx, zip.file, download.Size, release, want, into)
	if err != nil {
		return Fetched{}, err
	}
	return fetched, j.signedBy(want.ID, download)
}

// unpack gives the bundle in a ZIP that is whole.
func (j *jameicaSite) unpack(ctx context.Context, zip io.ReaderAt, size int64, release jameica.Release, want Want, into store.Partial) (Fetched, error) {
	file, err := bundle.NewFile(zip, size, bundle.DefaultLimits())
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
	return fetched, nil
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

// planned refuses a release by another signer than what was taken before of its name, signed
// or not. The caller holds mu.
func (j *jameicaSite) planned(r jameica.Release, want Want) error {
	before, known := j.signers[want.ID]
	if pin := pinOf(r.Chain); known && pin != before {
		return refuse(j.source.Name, CodeSignature, "%s %s is signed by another than what was taken of it before, or not any more: if that is right, forget what is known of the repository %s", want.ID, want.Version, j.source.Name)
	}
	return nil
}

// pinOf is that of who signs, "" for nobody.
func pinOf(chain jameica.Chain) string {
	if chain == nil {
		return ""
	}
	return jameica.Pin(chain.Leaf())
}

// signedBy remembers who signed the first that was taken of a name.
func (j *jameicaSite) signedBy(id string, d *jameica.Download) error {
	pin := ""
	if d.Signer != nil {
		pin = jameica.Pin(d.Signer)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, known := j.signers[id]; known || j.contents == nil {
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
