package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// The log of an extension is kept in this many files of about this size each.
const (
	logFileBytes = 10 << 20
	logFileCount = 5
)

// logFiles are the log files that are open, by path. Two instances of one extension
// write to the same file.
type logFiles struct {
	bytes int64 // at which a file is rotated
	count int   // how many there are, the current one included

	mu   sync.Mutex
	open map[string]*logFile
}

func newLogFiles() *logFiles {
	return &logFiles{bytes: logFileBytes, count: logFileCount, open: make(map[string]*logFile)}
}

// get returns the file at path; put gives it back.
func (l *logFiles) get(path string) *logFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.open[path]
	if f == nil {
		f = &logFile{path: path, bytes: l.bytes, count: l.count}
		l.open[path] = f
	}
	f.users++
	return f
}

func (l *logFiles) put(f *logFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(l.open, f.path)
		f.close()
	}
}

// logFile is a file that is rotated when it has grown: x.log becomes x.log.1, that
// x.log.2 and so on, and the last one goes. It is opened when first written to, and
// again after an error, so that a full disk or a folder that was removed is not for
// ever.
type logFile struct {
	path  string
	bytes int64
	count int
	users int // guarded by logFiles.mu

	mu   sync.Mutex
	file *os.File
	size int64
	gone bool // nobody uses it any more
}

// Write appends one record.
func (f *logFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone { // the last words of go-plugin's streams may come late
		return 0, os.ErrClosed
	}
	if f.file != nil && f.size > 0 && f.size+int64(len(p)) > f.bytes {
		f.file.Close()
		f.file = nil
		if err := f.rotate(); err != nil {
			return 0, err
		}
	}
	if f.file == nil {
		if err := f.reopen(); err != nil {
			return 0, err
		}
	}
	n, err := f.file.Write(p)
	f.size += int64(n)
	if err != nil {
		f.file.Close()
		f.file = nil
	}
	return n, err
}

func (f *logFile) reopen() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o750); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	f.file, f.size = file, info.Size()
	return nil
}

func (f *logFile) rotate() error {
	for n := f.count - 1; n > 1; n-- {
		if err := rename(f.numbered(n-1), f.numbered(n)); err != nil {
			return err
		}
	}
	return rename(f.path, f.numbered(1))
}

func (f *logFile) numbered(n int) string { return fmt.Sprintf("%s.%d", f.path, n) }

// rename renames a file that may not exist.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (f *logFile) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}
