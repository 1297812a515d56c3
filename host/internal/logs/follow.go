package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

const (
	// lookPause is the time between two looks at a file that has nothing new.
	lookPause = 200 * time.Millisecond
	// maxLag is how far a reader may be behind in a file, in bytes; one that is farther
	// behind goes on at most keepLag before its end.
	maxLag  = 4 << 20
	keepLag = 256 << 10
)

// Follower gives the lines of a log as they come. It belongs to one goroutine.
type Follower struct {
	path    string
	want    filter
	ended   <-chan struct{}
	pending []Line // to be given before anything is read

	file   *os.File // nil while there is none
	birth  string
	offset int64  // behind what was given
	buffer []byte // what was read of the file from offset
	long   bool   // the rest of a line that was too long is passed over
	last   bool   // the file was rotated away: what it has now is all that comes
	over   bool   // ended is closed: what there is now is all that is given
}

// Follow gives the lines that Tail would, and then those that follow. With after, the
// Position of a line, it begins behind that line instead, whatever q.Tail says. It ends
// with ended. The Follower must be closed.
func Follow(ctx context.Context, path string, q Query, after string, ended <-chan struct{}) (*Follower, error) {
	files, err := openAll(path)
	if err != nil {
		return nil, err
	}
	f := &Follower{path: path, want: q.filter(), ended: ended}
	if after != "" && f.resume(files, after) {
		return f, nil
	}
	lines, end, err := tail(ctx, files, q)
	if err != nil {
		closeAll(files)
		return nil, err
	}
	if after != "" {
		f.pending = append(f.pending, Line{Missed: -1})
	}
	f.pending = append(f.pending, lines...)
	if len(files) == 0 {
		return f, nil
	}
	closeAll(files[1:])
	return f, f.take(files[0], end)
}

// resume goes on at a place, if it is in one of files, which are closed but for that one.
func (f *Follower) resume(files []*os.File, after string) bool {
	at, ok := parsePlace(after)
	if !ok {
		return false
	}
	i := slices.IndexFunc(files, func(file *os.File) bool {
		birth, err := birthOf(file)
		if err != nil || birth != at.birth {
			return false
		}
		before := []byte{'\n'}
		if at.offset > 0 {
			_, err = file.ReadAt(before, at.offset-1)
		}
		return err == nil && before[0] == '\n'
	})
	if i < 0 || f.take(files[i], at.offset) != nil {
		return false
	}
	closeAll(slices.Delete(slices.Clone(files), i, i+1))
	return true
}

// take goes on with a file, which it closes when it cannot.
func (f *Follower) take(file *os.File, offset int64) error {
	birth, err := birthOf(file)
	if err != nil {
		file.Close()
		return err
	}
	f.Close()
	f.file, f.birth, f.offset, f.buffer, f.long, f.last = file, birth, offset, f.buffer[:0], false, false
	return nil
}

// Close gives the file back.
func (f *Follower) Close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// Next waits for the next line that is wanted. It returns ctx's error when that ends
// first, and can be called again then, and io.EOF when ended is closed and everything was
// given.
func (f *Follower) Next(ctx context.Context) (Line, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Line{}, err
		}
		if len(f.pending) > 0 {
			line := f.pending[0]
			f.pending = f.pending[1:]
			return line, nil
		}
		if line, ok := f.buffered(); ok {
			if f.want.wants(line) {
				return line, nil
			}
			continue
		}
		more, err := f.read()
		if err != nil {
			return Line{}, err
		}
		if more {
			continue
		}
		if err := f.wait(ctx); err != nil {
			return Line{}, err
		}
	}
}

// wait waits until it is time to look again.
func (f *Follower) wait(ctx context.Context) error {
	pause := time.NewTimer(lookPause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.ended:
		if f.over {
			return io.EOF
		}
		f.over = true
		return nil
	}
}

// buffered takes a line from the buffer, if there is a whole one, or one that is too long.
func (f *Follower) buffered() (line Line, ok bool) {
	for {
		i := bytes.IndexByte(f.buffer, '\n')
		raw := f.buffer[:max(i, 0)]
		switch {
		case i < 0 && len(f.buffer) < maxLine:
			return Line{}, false
		case i < 0: // its end comes later, and is not kept
			raw = f.buffer
		}
		if !f.long {
			line, ok = Parse(raw), true
		}
		f.long = i < 0
		taken := min(len(raw)+1, len(f.buffer))
		f.offset += int64(taken)
		f.buffer = f.buffer[taken:]
		if ok {
			if !f.long { // else a reader that comes back would begin within it
				line.Position = place{f.birth, f.offset}.String()
			}
			return line, true
		}
	}
}

// read reads more, and goes over to the file that follows one that was rotated away. It
// returns false when there is nothing more just now.
func (f *Follower) read() (more bool, err error) {
	if f.file == nil {
		return f.succeed(f.oldest(), func() bool { return true })
	}
	if f.birth == "" {
		if f.birth, err = birthOf(f.file); err != nil || f.birth == "" && !f.last {
			return f.rotated(err)
		}
	}
	info, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() < f.offset+int64(len(f.buffer)) { // somebody has emptied it
		return true, f.restart()
	}
	if info.Size()-f.offset > maxLag {
		return true, f.skip(info.Size() - keepLag)
	}
	have := len(f.buffer)
	f.buffer = slices.Grow(f.buffer, blockBytes)[:have+blockBytes]
	n, err := f.file.ReadAt(f.buffer[have:], f.offset+int64(have))
	f.buffer = f.buffer[:have+n]
	if n > 0 {
		return true, nil
	}
	if err != io.EOF {
		return false, err
	}
	return f.rotated(nil)
}

// restart begins with the file anew.
func (f *Follower) restart() error {
	file := f.file
	f.file = nil
	f.pending = append(f.pending, Line{Missed: -1})
	return f.take(file, 0)
}

// rotated looks, at the end of a file, whether another one follows, and goes over to it.
func (f *Follower) rotated(err error) (bool, error) {
	if err != nil {
		return false, err
	}
	mine, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	is := func(n int) bool {
		info, err := os.Stat(numbered(f.path, n))
		return err == nil && os.SameFile(mine, info)
	}
	if is(0) {
		return false, nil
	}
	if !f.last { // what was written before it was rotated away
		f.last = true
		return true, nil
	}
	for n := 1; n < maxFiles; n++ {
		if !is(n) {
			continue
		}
		younger := n - 1
		for younger > 0 && !f.there(younger) {
			younger--
		}
		return f.succeed(younger, func() bool {
			for between := younger + 1; between < n; between++ {
				if f.there(between) {
					return false
				}
			}
			return is(n)
		})
	}
	more, err := f.succeed(f.oldest(), func() bool { return true })
	if more {
		f.pending = append(f.pending, Line{Missed: -1})
	}
	return more, err
}

func (f *Follower) there(n int) bool {
	_, err := os.Stat(numbered(f.path, n))
	return err == nil
}

// oldest is the number of the oldest file.
func (f *Follower) oldest() int {
	n := maxFiles - 1
	for n > 0 && !f.there(n) {
		n--
	}
	return n
}

// succeed goes over to a file, if it is there and, once it is open, still says that it is
// the right one: else the files were rotated meanwhile, and it is tried again.
func (f *Follower) succeed(n int, still func() bool) (bool, error) {
	next, err := os.Open(numbered(f.path, n))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // it comes in a moment
	}
	if err != nil {
		return false, err
	}
	if !still() {
		next.Close()
		return false, nil
	}
	return true, f.take(next, 0)
}

// skip passes over the lines up to the first that begins behind an offset, and says how
// many they were.
func (f *Follower) skip(to int64) error {
	block := make([]byte, blockBytes)
	missed := 0
	f.buffer = f.buffer[:0]
	for at := f.offset; ; {
		n, err := f.file.ReadAt(block, at)
		for i, b := range block[:n] {
			if b != '\n' {
				continue
			}
			missed++
			if at+int64(i) >= to {
				f.offset, f.long = at+int64(i)+1, false
				f.pending = append(f.pending, Line{Missed: missed})
				return nil
			}
		}
		at += int64(n)
		if err == io.EOF { // the last line has no end yet
			f.offset, f.long = at, true
			f.pending = append(f.pending, Line{Missed: missed + 1})
			return nil
		}
		if err != nil {
			return err
		}
	}
}
