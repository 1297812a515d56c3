package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"maps"
	"slices"
)

// View is a catalogue at one sequence number. What it gives was signed by its store, byte
// for byte. Parts are read when they are asked for. Errors are of type *Error, but for what
// the caller's context and files say. It may be used by several goroutines.
type View struct {
	reader    *Reader
	timestamp Timestamp
	envelope  []byte
	snapshot  *Snapshot
}

// Timestamp returns what was signed.
func (v *View) Timestamp() Timestamp { return v.timestamp }

// Listings returns how many listings there are.
func (v *View) Listings() int { return v.snapshot.Listings }

// Shards returns the objects into which the listings are divided.
func (v *View) Shards() []Object { return slices.Clone(v.snapshot.Shards) }

// Listing reads one listing. The id is taken as FoldID has it. IndexUnknown when there is
// none.
func (v *View) Listing(ctx context.Context, id string) (*Listing, error) {
	name, object, err := v.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return v.listing(ctx, name, object)
}

// find returns the id of a listing as it is written, and the object that is its document.
func (v *View) find(ctx context.Context, id string) (string, Object, error) {
	shard, err := v.shard(ctx, ShardOf(id, len(v.snapshot.Shards)))
	if err != nil {
		return "", Object{}, err
	}
	if object, ok := shard.Listings[id]; ok {
		return id, object, nil
	}
	for name, object := range shard.Listings {
		if FoldID(name) == FoldID(id) {
			return name, object, nil
		}
	}
	return "", Object{}, refuse(IndexUnknown, "%s has no listing %.100q", v.timestamp.Store, id)
}

func (v *View) listing(ctx context.Context, id string, object Object) (*Listing, error) {
	data, err := v.reader.object(ctx, fmt.Sprintf("the listing %.100q", id), object)
	if err != nil {
		return nil, err
	}
	return DecodeListing(data, id)
}

func (v *View) shard(ctx context.Context, index int) (*Shard, error) {
	data, err := v.reader.object(ctx, fmt.Sprintf("shard %d", index), v.snapshot.Shards[index])
	if err != nil {
		return nil, err
	}
	return DecodeShard(data, index, len(v.snapshot.Shards))
}

// All reads every listing, in the order of their shards, and ends after the first error,
// but for IndexMissing: listings that an export leaves out are passed over.
func (v *View) All(ctx context.Context) iter.Seq2[*Listing, error] {
	return func(yield func(*Listing, error) bool) {
		for index := range v.snapshot.Shards {
			shard, err := v.shard(ctx, index)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, id := range slices.Sorted(maps.Keys(shard.Listings)) {
				listing, err := v.listing(ctx, id, shard.Listings[id])
				if CodeOf(err) == IndexMissing {
					continue
				}
				if !yield(listing, err) || err != nil {
					return
				}
			}
		}
	}
}

// Advisories reads all advisories.
func (v *View) Advisories(ctx context.Context) ([]Advisory, error) {
	data, err := v.reader.object(ctx, "the list of advisories", v.snapshot.Advisories)
	if err != nil {
		return nil, err
	}
	return DecodeAdvisories(data)
}

// Revocations reads all revocations.
func (v *View) Revocations(ctx context.Context) ([]Revocation, error) {
	data, err := v.reader.object(ctx, "the list of revocations", v.snapshot.Revocations)
	if err != nil {
		return nil, err
	}
	return DecodeRevocations(data)
}

// MaxIcon bounds an icon, in bytes.
const MaxIcon = 1 << 20

// Icon reads the icon of a listing: the bytes that its document names. They are a picture if
// the store is honest, and may be anything else. IndexUnknown when the listing has none,
// IndexMissing when it can not be had here.
func (v *View) Icon(ctx context.Context, listing *Listing) ([]byte, error) {
	icon, what := listing.Pictures.Icon, fmt.Sprintf("the icon of %.100q", listing.ID)
	if icon == nil {
		return nil, refuse(IndexUnknown, "%.100q has no icon", listing.ID)
	}
	object := Object{Digest: icon.Digest, Size: icon.Size}
	if err := object.check(what, MaxIcon); err != nil {
		return nil, err
	}
	source, ok := v.reader.config.Source.(IconSource)
	if !ok {
		return nil, refuse(IndexMissing, "%s is not there: its source has no icons", what)
	}
	data, err := v.reader.read(ctx, what, object.Size, func(ctx context.Context) (io.ReadCloser, error) {
		return source.Icon(ctx, listing.ID, *icon)
	})
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > object.Size:
		return nil, refuse(IndexTooLarge, "%s has more than the %d bytes that are announced", what, object.Size)
	case Digest(data) != object.Digest:
		return nil, refuse(IndexWrongDigest, "%s is not what was announced: it was changed, or cut short", what)
	}
	return data, nil
}

// Partial is a file on its way: *os.File is one.
type Partial interface {
	io.ReadWriteSeeker
	Truncate(size int64) error
}

// Download completes a file of a release: what into holds already is kept if the whole
// then has the right digest, else into is emptied and the error is IndexWrongDigest, or
// IndexTooLarge. What had come before an interruption stays for the next try. progress,
// which may be nil, is told how many bytes are there.
func (v *View) Download(ctx context.Context, want ReleaseFile, into Partial, progress func(size int64)) error {
	sum := sha256.New()
	have, err := already(into, sum, want.File.Size)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(int64) {}
	}
	progress(have)
	if have < want.File.Size {
		if err := v.append(ctx, want, io.MultiWriter(into, sum), have, progress); err != nil {
			if CodeOf(err) == IndexTooLarge {
				return errors.Join(err, into.Truncate(0))
			}
			return err
		}
	}
	if digest := digestPrefix + hex.EncodeToString(sum.Sum(nil)); digest != want.File.Digest {
		err := refuse(IndexWrongDigest, "%s is not what was announced: it was changed on its way; try again, or elsewhere", want)
		return errors.Join(err, into.Truncate(0))
	}
	return nil
}

// already hashes what is there of a file. More than there should be counts for nothing.
func already(into Partial, sum hash.Hash, size int64) (int64, error) {
	end, err := into.Seek(0, io.SeekEnd)
	if err == nil && end > size {
		end, err = 0, into.Truncate(0)
	}
	if err == nil {
		_, err = into.Seek(0, io.SeekStart)
	}
	if err == nil {
		_, err = io.CopyN(sum, into, end)
	}
	return end, err
}

// append reads what is missing of a file, and not one byte more.
func (v *View) append(ctx context.Context, want ReleaseFile, to io.Writer, have int64, progress func(int64)) error {
	missing := want.File.Size - have
	timed, cancel := v.reader.within(ctx, missing)
	defer cancel()
	body, err := v.reader.config.Source.File(timed, want, have)
	if err != nil {
		return explain(ctx, timed, want.String(), err)
	}
	stop := context.AfterFunc(timed, func() { body.Close() })
	defer func() {
		if stop() {
			body.Close()
		}
	}()
	buffer := make([]byte, 64<<10)
	for missing > 0 {
		n, err := body.Read(buffer[:min(int64(len(buffer)), missing)])
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
			missing -= int64(n)
			progress(want.File.Size - missing)
		}
		if err == io.EOF && missing > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && err != io.EOF {
			return explain(ctx, timed, want.String(), err)
		}
	}
	if n, _ := body.Read(buffer[:1]); n > 0 {
		return refuse(IndexTooLarge, "%s has more than the %d bytes that are announced", want, want.File.Size)
	}
	return nil
}

// String names it for people.
func (f ReleaseFile) String() string {
	return fmt.Sprintf("%.100s %.50s (%.100s)", f.Listing, f.Version, f.File.Name)
}

// FileFor returns the file of a release for a platform. IndexUnknown when there is none.
func (v *View) FileFor(listing *Listing, release Release, platform string) (ReleaseFile, error) {
	for _, file := range release.Files {
		if slices.Contains(file.Platforms, platform) {
			return ReleaseFile{Listing: listing.ID, Version: release.Version, File: file}, nil
		}
	}
	return ReleaseFile{}, refuse(IndexUnknown, "%.100s %.50s has no file for %.50s", listing.ID, release.Version, platform)
}

// Shard reads one shard: which listings are in it, and under which objects.
func (v *View) Shard(ctx context.Context, index int) (*Shard, error) { return v.shard(ctx, index) }

// Notices returns the objects that are the lists of advisories and revocations.
func (v *View) Notices() (advisories, revocations Object) {
	return v.snapshot.Advisories, v.snapshot.Revocations
}
