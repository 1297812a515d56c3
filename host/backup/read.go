package backup

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Verify reads all of the backup at path and returns what it says of itself when every
// byte of it is what was written. It writes nothing. progress, nil for nobody, is told of
// the bytes of the file.
func Verify(ctx context.Context, path string, progress Progress) (*Manifest, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return verify(ctx, f, path, progress.through(f, 1))
}

func open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault(CodeUnreadable, err, "", "reading the backup")
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fault(CodeUnreadable, errors.Join(err, f.Close()), "save it to a file first: it is read twice", "%s is no file", path)
	}
	return f, nil
}

// verify reads all of r, the backup at path.
func verify(ctx context.Context, r io.Reader, path string, moved func(n int)) (*Manifest, error) {
	m, err := read(ctx, r, moved, nil)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Message = path + ": " + e.Message
	}
	return m, err
}

// read reads all of a backup. take, unless it is nil, is called for each of its files,
// with the content; what it leaves unread is read all the same. moved, unless it is nil, is
// told of every piece of r.
func read(ctx context.Context, r io.Reader, moved func(n int), take func(f File, content io.Reader) error) (*Manifest, error) {
	in := bufio.NewReaderSize(&patient{ctx, r, moved}, 256<<10) // gzip reads no byte behind its end from it
	gz, err := gzip.NewReader(in)
	if err != nil {
		return nil, explain(ctx, err, "it is no backup of Jackfield")
	}
	gz.Multistream(false)
	l := &listing{tar: tar.NewReader(gz), take: take}
	m, err := l.all(ctx)
	if err != nil {
		return nil, err
	}
	// What follows belongs to tar, or to nobody; the last of it is gzip's own checksum.
	if _, err := l.tar.Next(); err != io.EOF {
		return nil, explain(ctx, err, "there is something behind its manifest")
	}
	if n, err := io.Copy(io.Discard, io.LimitReader(gz, 1<<20)); err != nil || n == 1<<20 {
		return nil, explain(ctx, err, "there is something behind its end")
	}
	if _, err := in.Peek(1); err != io.EOF {
		return nil, explain(ctx, err, "there is something behind its end")
	}
	return m, nil
}

// explain makes an Error of what reading came to; err may be nil.
func explain(ctx context.Context, err error, what string) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return incomplete()
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fault(CodeUnreadable, e, "", "reading it")
	}
	return fault(CodeDamaged, err, "use another backup", "%s", what)
}

func incomplete() error {
	return fault(CodeIncomplete, nil, "use another backup", "it is incomplete: it was cut short when it was made or copied")
}

// listing is a backup that is being read.
type listing struct {
	tar   *tar.Reader
	take  func(File, io.Reader) error
	files []File
}

// all reads the entries up to the manifest.
func (l *listing) all(ctx context.Context) (*Manifest, error) {
	head, err := l.tar.Next()
	if err != nil {
		return nil, explain(ctx, err, "it is no backup of Jackfield")
	}
	data, err := l.own(ctx, head, headerName, maxHeader)
	if err != nil {
		return nil, err
	}
	header, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	for {
		head, err := l.tar.Next()
		switch {
		case err == io.EOF:
			return nil, incomplete()
		case err != nil:
			return nil, explain(ctx, err, "it is damaged")
		case head.Name == manifestName:
			return l.manifest(ctx, head, header)
		}
		if err := l.entry(ctx, head); err != nil {
			return nil, err
		}
	}
}

// own reads an entry of ours.
func (l *listing) own(ctx context.Context, head *tar.Header, name string, max int64) ([]byte, error) {
	switch {
	case head.Name != name || head.Typeflag != tar.TypeReg:
		return nil, fault(CodeDamaged, nil, "", "it is no backup of Jackfield: it has %.100q where %s should be", head.Name, name)
	case head.Size > max:
		return nil, fault(CodeTooLarge, nil, "", "its %s is larger than %d bytes", name, max)
	}
	data, err := io.ReadAll(io.LimitReader(l.tar, max))
	if err != nil {
		return nil, explain(ctx, err, "its "+name+" is damaged")
	}
	return data, nil
}

// manifest reads the manifest, and compares it with what was there.
func (l *listing) manifest(ctx context.Context, head *tar.Header, header Header) (*Manifest, error) {
	data, err := l.own(ctx, head, manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return nil, err
	}
	if m.Header != header {
		return nil, fault(CodeDamaged, nil, "use another backup", "its header is not that of its manifest")
	}
	if !slices.Equal(m.Files, l.files) {
		return nil, fault(CodeDamaged, nil, "use another backup", "%s is not what was written", l.firstDifference(m.Files))
	}
	return m, nil
}

func (l *listing) firstDifference(want []File) string {
	for i, f := range l.files {
		if i >= len(want) || want[i] != f {
			return f.Path
		}
	}
	return "a file that is missing"
}

// entry reads a folder or a file.
func (l *listing) entry(ctx context.Context, head *tar.Header) error {
	f := File{
		Path: head.Name, Mode: uint32(head.Mode & 0o7777), Size: head.Size, Owner: head.Uid, Modified: head.ModTime.Unix(),
	}
	switch head.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		f.Path, f.Dir = strings.TrimSuffix(head.Name, "/"), true
	default:
		return fault(CodeUnsafe, nil, "it was not made by 'jackfield backup'", "%.200q is neither a file nor a folder", head.Name)
	}
	if err := checkPath(f.Path); err != nil {
		return err
	}
	for name := range head.PAXRecords {
		// A sparse file could be as large as it likes in a few bytes.
		if !slices.Contains([]string{"path", "size", "uid", "gid"}, name) {
			return fault(CodeUnsafe, nil, "it was not made by 'jackfield backup'", "%.200q has a record %.100q, which no backup has", head.Name, name)
		}
	}
	if len(l.files) >= maxFiles {
		return fault(CodeTooLarge, nil, "", "it has more than %d files", maxFiles)
	}
	sum := sha256.New()
	content := io.TeeReader(l.tar, sum)
	if l.take != nil {
		if err := l.take(f, content); err != nil {
			return explain(ctx, err, fmt.Sprintf("%s is damaged", f.Path))
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return explain(ctx, err, fmt.Sprintf("%s is damaged", f.Path))
	}
	if !f.Dir {
		f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	l.files = append(l.files, f)
	return nil
}
