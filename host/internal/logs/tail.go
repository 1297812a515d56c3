package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

const (
	// blockBytes is how much is read at once.
	blockBytes = 64 << 10
	// tailBytes bounds what Tail returns, in bytes of the files. One line is always
	// returned.
	tailBytes = 8 << 20
	// birthBytes is how much of a file's first line tells it from others.
	birthBytes = 256
)

// Tail returns the last lines of the log at path that q wants, the oldest first: none of
// a log that does not exist. It reads from the end, as far as it must.
func Tail(ctx context.Context, path string, q Query) ([]Line, error) {
	files, err := openAll(path)
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	lines, _, err := tail(ctx, files, q)
	return lines, err
}

// place is a place in a file, behind a line.
type place struct {
	birth  string // of the file
	offset int64
}

func (p place) String() string { return p.birth + "-" + strconv.FormatInt(p.offset, 10) }

func parsePlace(s string) (place, bool) {
	birth, number, ok := strings.Cut(s, "-")
	offset, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || offset < 0 || len(birth) != 16 {
		return place{}, false
	}
	return place{birth, offset}, true
}

// birthOf tells a file from others that have had its name: by its first line, which has
// the time at which it was written. It is empty as long as there is none.
func birthOf(f io.ReaderAt) (string, error) {
	head := make([]byte, birthBytes)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	head, _, ended := bytes.Cut(head[:n], []byte{'\n'})
	if !ended && n < birthBytes {
		return "", nil
	}
	return fmt.Sprintf("%016x", crc64.Checksum(head, crc64.MakeTable(crc64.ECMA))), nil
}

// tail reads files, the newest first, and returns also where the newest one ends.
func tail(ctx context.Context, files []*os.File, q Query) (lines []Line, end int64, err error) {
	most := q.Tail
	if most == 0 {
		most = DefaultTail
	}
	if most < 0 {
		most = 0
	}
	want := q.filter()
	left := tailBytes
	for i, f := range files {
		b, err := newBackward(f)
		if err != nil {
			return nil, 0, err
		}
		if i == 0 {
			end = b.end
		}
		for older := true; older && len(lines) < most && left > 0; {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			raw, at, err := b.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, 0, err
			}
			line := Parse(raw)
			line.Position = place{b.birth, at}.String()
			older = want.since.IsZero() || line.Time.IsZero() || !line.Time.Before(want.since)
			if want.wants(line) {
				left -= len(raw)
				lines = append(lines, line)
			}
		}
	}
	slices.Reverse(lines)
	return lines, end, nil
}

// backward reads the lines of a file from its end.
type backward struct {
	file  *os.File
	birth string
	end   int64  // behind the last whole line that was not returned yet
	block []byte // of the file, from start
	start int64
}

// newBackward begins behind the last line that has an end.
func newBackward(f *os.File) (*backward, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	b := &backward{file: f, start: size}
	if b.birth, err = birthOf(f); err != nil {
		return nil, err
	}
	at, err := b.newline(size)
	b.end = at + 1
	return b, err
}

// next returns the line before the last one, and where it ends.
func (b *backward) next() (line []byte, at int64, err error) {
	if b.end == 0 {
		return nil, 0, io.EOF
	}
	at = b.end
	before, err := b.newline(at - 1)
	if err != nil {
		return nil, 0, err
	}
	b.end = before + 1
	line = make([]byte, min(at-1-b.end, maxLine))
	if b.start <= b.end && b.end+int64(len(line)) <= b.start+int64(len(b.block)) {
		copy(line, b.block[b.end-b.start:])
		return line, at, nil
	}
	if _, err := b.file.ReadAt(line, b.end); err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return line, at, nil
}

// newline returns where the last newline before an offset is, -1 for none.
func (b *backward) newline(before int64) (int64, error) {
	for {
		if before > b.start {
			if i := bytes.LastIndexByte(b.block[:before-b.start], '\n'); i >= 0 {
				return b.start + int64(i), nil
			}
			before = b.start
		}
		if before == 0 {
			return -1, nil
		}
		b.start = max(before-blockBytes, 0)
		b.block = slices.Grow(b.block[:0], blockBytes)[:before-b.start]
		if _, err := b.file.ReadAt(b.block, b.start); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
}

// Whole returns all of a log, the oldest file first, as it is now. It must be closed.
func Whole(path string) (io.ReadCloser, error) {
	files, err := openAll(path)
	if err != nil {
		return nil, err
	}
	slices.Reverse(files)
	w := &whole{files: files}
	var parts []io.Reader
	for _, f := range files {
		info, err := f.Stat()
		if err != nil {
			closeAll(files)
			return nil, err
		}
		parts = append(parts, io.NewSectionReader(f, 0, info.Size()))
	}
	w.Reader = io.MultiReader(parts...)
	return w, nil
}

type whole struct {
	io.Reader
	files []*os.File
}

// Close implements io.Closer.
func (w *whole) Close() error {
	var errs []error
	for _, f := range w.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
