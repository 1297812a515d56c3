package store

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jackfield-host/jackfield/trust"
)

// ExportOptions say what of a View is exported.
type ExportOptions struct {
	// Listings are the ids of those whose documents are in the export; nil: all. The rest
	// of the index is whole: an export can leave out, but not hide.
	Listings []string
	// Files also exports the files of the releases that are not taken down.
	Files bool
	// Sign, when not nil, signs the timestamp anew, for the time that Validity says, up to
	// MaxValidity; else the export is good as long as the store's own timestamp is.
	Sign     func(Timestamp) (envelope []byte, err error)
	Validity time.Duration
}

// Export writes a catalogue to one file, a ZIP, which OpenExport reads. What is in it is
// verified by whoever reads it, like any other source.
func Export(ctx context.Context, view *View, w io.Writer, o ExportOptions) error {
	archive := zip.NewWriter(w)
	if err := export(ctx, view, o, zipTarget{archive}); err != nil {
		return err
	}
	return archive.Close()
}

// ExportDir writes a catalogue into a folder, or brings one there up to date: parts that are
// there already are left alone, and the timestamp comes last.
func ExportDir(ctx context.Context, view *View, dir string, o ExportOptions) error {
	return export(ctx, view, o, dirTarget(dir))
}

// SeenIn returns what whoever reads an exported folder has seen, so that nothing older is put
// into it: of the timestamp in it, which may have run out meanwhile. Of a folder that is not
// there, or has none, it is the zero Seen. One that nobody vouches for is an *Error.
func SeenIn(fsys fs.FS, roots *trust.Roots) (Seen, error) {
	file, err := fsys.Open(exportedTimestamp)
	if errors.Is(err, fs.ErrNotExist) {
		return Seen{}, nil
	}
	if err != nil {
		return Seen{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxEnvelope+1))
	if err != nil {
		return Seen{}, err
	}
	var e envelope
	if err := decode("the envelope of the timestamp", data, MaxEnvelope, &e); err != nil {
		return Seen{}, err
	}
	var claim Timestamp // what it says is believed once it is verified as of then
	if err := decode("the timestamp", e.Payload, MaxEnvelope, &claim); err != nil {
		return Seen{}, err
	}
	t, err := VerifyTimestamp(data, roots, claim.Issued, Seen{})
	if err != nil {
		return Seen{}, err
	}
	return t.Seen(), nil
}

// target takes the parts of an export.
type target interface {
	has(name string, size int64) bool
	put(name string, write func(io.Writer) error) error
}

func export(ctx context.Context, view *View, o ExportOptions, to target) error {
	envelope, err := o.envelope(view)
	if err != nil {
		return err
	}
	listings, err := view.exported(ctx, o.Listings)
	if err != nil {
		return err
	}
	s := view.snapshot
	objects := append([]Object{view.timestamp.Snapshot, s.Advisories, s.Revocations}, s.Shards...)
	for _, id := range slices.Sorted(maps.Keys(listings)) {
		objects = append(objects, listings[id])
	}
	done := map[string]bool{} // two shards without listings are one object
	for _, object := range objects {
		if done[object.Digest] {
			continue
		}
		done[object.Digest] = true
		if err := putObject(ctx, view, to, object); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(listings)) {
		listing, err := view.listing(ctx, id, listings[id])
		if err != nil {
			return err
		}
		if err := putIcon(ctx, view, to, done, listing); err != nil {
			return err
		}
		if !o.Files {
			continue
		}
		if err := putFiles(ctx, view, to, done, listing); err != nil {
			return err
		}
	}
	return to.put(exportedTimestamp, func(w io.Writer) error {
		_, err := w.Write(envelope)
		return err
	})
}

func (o ExportOptions) envelope(view *View) ([]byte, error) {
	if o.Sign == nil {
		return view.envelope, nil
	}
	if o.Validity <= 0 || o.Validity > MaxValidity {
		return nil, fmt.Errorf("an export is good for up to %d days, not for %s", MaxValidity/(24*time.Hour), o.Validity)
	}
	t := view.timestamp
	t.Issued = view.reader.config.Now()
	t.Expires = t.Issued.Add(o.Validity)
	return o.Sign(t)
}

// exported returns the documents of listings by id: of those that are wanted, or of all.
func (v *View) exported(ctx context.Context, wanted []string) (map[string]Object, error) {
	listings := map[string]Object{}
	for _, id := range wanted {
		name, object, err := v.find(ctx, id)
		if err != nil {
			return nil, err
		}
		listings[name] = object
	}
	if wanted != nil {
		return listings, nil
	}
	for index := range v.snapshot.Shards {
		shard, err := v.shard(ctx, index)
		if err != nil {
			return nil, err
		}
		maps.Copy(listings, shard.Listings)
	}
	return listings, nil
}

func putObject(ctx context.Context, view *View, to target, object Object) error {
	name, err := exportedName(object.Digest)
	if err != nil || to.has(name, object.Size) {
		return err
	}
	data, err := view.reader.object(ctx, object.Digest, object)
	if err != nil {
		return err
	}
	return to.put(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// putIcon puts the icon of a listing. A catalogue is no worse without one that can not be had.
func putIcon(ctx context.Context, view *View, to target, done map[string]bool, listing *Listing) error {
	icon := listing.Pictures.Icon
	if icon == nil || done[icon.Digest] {
		return nil
	}
	name, err := exportedName(icon.Digest)
	if err != nil || to.has(name, icon.Size) {
		return nil
	}
	data, err := view.Icon(ctx, listing)
	if err != nil {
		return ctx.Err()
	}
	done[icon.Digest] = true
	return to.put(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func putFiles(ctx context.Context, view *View, to target, done map[string]bool, listing *Listing) error {
	for _, release := range listing.Releases {
		if release.State == TakenDown {
			continue
		}
		for _, file := range release.Files {
			name, err := exportedName(file.Digest)
			if err != nil {
				return err
			}
			if done[file.Digest] || to.has(name, file.Size) {
				continue
			}
			done[file.Digest] = true
			want := ReleaseFile{Listing: listing.ID, Version: release.Version, File: file}
			if err := to.put(name, func(w io.Writer) error { return view.copyFile(ctx, want, w) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile is Download to where nothing is yet; what was written counts only without an error.
func (v *View) copyFile(ctx context.Context, want ReleaseFile, w io.Writer) error {
	sum := sha256.New()
	if err := v.append(ctx, want, io.MultiWriter(w, sum), 0, func(int64) {}); err != nil {
		return err
	}
	if digestPrefix+hex.EncodeToString(sum.Sum(nil)) != want.File.Digest {
		return refuse(IndexWrongDigest, "%s is not what was announced: it was changed on its way", want)
	}
	return nil
}

type zipTarget struct{ archive *zip.Writer }

func (zipTarget) has(string, int64) bool { return false }

func (t zipTarget) put(name string, write func(io.Writer) error) error {
	w, err := t.archive.Create(name)
	if err != nil {
		return err
	}
	return write(w)
}

type dirTarget string

func (t dirTarget) has(name string, size int64) bool {
	info, err := os.Stat(filepath.Join(string(t), name))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

func (t dirTarget) put(name string, write func(io.Writer) error) (err error) {
	path := filepath.Join(string(t), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer file.Cleanup()
	if err := write(file); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// zipFile is an exported file that is open.
type zipFile struct {
	*zip.Reader
	io.Closer
}

func openZip(path string) (*zipFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	reader, err := openArchive(file)
	if err != nil {
		return nil, errors.Join(refuse(IndexMalformed, "%s is no exported catalogue: %w", path, err), file.Close())
	}
	return &zipFile{reader, file}, nil
}

func openArchive(file *os.File) (*zip.Reader, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	reader, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(reader, exportedTimestamp); err != nil {
		return nil, errors.New("it has no " + exportedTimestamp)
	}
	return reader, nil
}
