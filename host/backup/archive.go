package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// archive writes the entries of a backup, and remembers them.
type archive struct {
	gz    *gzip.Writer
	tar   *tar.Writer
	files []File
	buf   []byte
	moved func(n int) // is told of every piece of content; nil for nobody
}

func newArchive(w io.Writer) *archive {
	// Most of it is compressed already.
	gz, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		panic(err) // of a level that does not exist
	}
	return &archive{gz: gz, tar: tar.NewWriter(gz), buf: make([]byte, 256<<10)}
}

// json writes an entry of our own.
func (a *archive) json(name string, max int, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(data) > max {
		return fault(CodeTooLarge, nil, "", "%s would be larger than %d bytes", name, max)
	}
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(data)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err = a.tar.Write(data)
	return err
}

// add writes a folder, or a file of f.Size bytes that r holds. whole is false when there
// were fewer: zeros stand for the rest.
func (a *archive) add(ctx context.Context, f File, r io.Reader) (whole bool, err error) {
	if err := checkPath(f.Path); err != nil {
		return false, err
	}
	if len(a.files) >= maxFiles {
		return false, fault(CodeTooLarge, nil, "leave the data of extensions out with --without-data, or remove files", "the home has more than %d files", maxFiles)
	}
	if err := a.tar.WriteHeader(f.tarHeader()); err != nil {
		return false, err
	}
	if !f.Dir {
		sum := sha256.New()
		n, err := io.CopyBuffer(io.MultiWriter(a.tar, sum), io.LimitReader(&patient{ctx, r, a.moved}, f.Size), a.buf)
		if err != nil {
			return false, fmt.Errorf("copying %s: %w", f.Path, err)
		}
		if whole = n == f.Size; !whole {
			if _, err := io.CopyBuffer(io.MultiWriter(a.tar, sum), io.LimitReader(zeros{}, f.Size-n), a.buf); err != nil {
				return false, err
			}
		}
		f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	a.files = append(a.files, f)
	return whole, ctx.Err()
}

func (a *archive) close() error {
	return errors.Join(a.tar.Close(), a.gz.Close())
}

// tarHeader is the header of the entry of f. What else other programs put into theirs is
// refused when a backup is read.
func (f File) tarHeader() *tar.Header {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.Path, Mode: int64(f.Mode), Size: f.Size, Uid: f.Owner, Gid: f.Owner,
		ModTime: time.Unix(f.Modified, 0), Format: tar.FormatPAX,
	}
	if f.Dir {
		h.Typeflag, h.Name = tar.TypeDir, f.Path+"/"
	}
	return h
}

// patient reads until ctx ends, and tells how much.
type patient struct {
	ctx   context.Context
	r     io.Reader
	moved func(n int) // nil for nobody
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	if p.moved != nil {
		p.moved(n)
	}
	return n, err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
