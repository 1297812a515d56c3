package supervisor

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
)

// What is kept of the last words of a process.
const (
	tailLines     = 40
	tailLineBytes = 4 << 10
	dumpBytes     = 64 << 10
)

// How much a process may say. It may print outputRate bytes a second, after a burst;
// beyond that its writes block, which is its own loss. Of the records that this
// makes, logRate a second reach the host's log; its own file has all of them.
const (
	outputBurst = 4 << 20
	outputRate  = 2 << 20
	logBurst    = 500
	logRate     = 50
)

// output takes all that one process prints. It implements slog.Handler: the lines
// arrive as records.
type output struct {
	level slog.Leveler
	host  slog.Handler
	file  slog.Handler // nil without a file
	bytes *bucket

	mu       sync.Mutex // guards what follows
	tail     []string
	records  *bucket
	left     int // records that did not reach the host's log since the last that did
	fileLost bool
	dumping  bool
	dump     []byte
}

// newOutput makes the output of one process. log carries the attributes that name it;
// attrs name it in its own file, which may be nil.
func newOutput(log *slog.Logger, level slog.Leveler, file *logFile, attrs ...slog.Attr) *output {
	o := &output{
		level: level, host: log.Handler(),
		bytes:   newBucket(outputRate, outputBurst),
		records: newBucket(logRate, logBurst),
	}
	if file != nil {
		o.file = slog.NewTextHandler(file, &slog.HandlerOptions{Level: slogbridge.LevelTrace}).WithAttrs(attrs)
	}
	return o
}

// Enabled is part of slog.Handler. The tail has what is worth knowing when a process
// fails, whatever its log keeps.
func (o *output) Enabled(_ context.Context, level slog.Level) bool {
	return level >= min(o.level.Level(), slog.LevelInfo)
}

// Handle is part of slog.Handler.
func (o *output) Handle(ctx context.Context, r slog.Record) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remember(r)
	if r.Level < o.level.Level() {
		return nil
	}
	if o.file != nil {
		o.keep(ctx, r)
	}
	if !o.host.Enabled(ctx, r.Level) {
		return nil
	}
	if !o.records.take(1, time.Now()) {
		o.left++
		return nil
	}
	if o.left > 0 {
		note := slog.NewRecord(time.Now(), slog.LevelWarn, "extension logs too much: lines left out here, its own log has them", 0)
		note.AddAttrs(slog.Int("lines", o.left))
		o.left = 0
		_ = o.host.Handle(ctx, note)
	}
	return o.host.Handle(ctx, r)
}

// WithAttrs and WithGroup are part of slog.Handler. Nobody derives loggers from the
// lines of a child.
func (o *output) WithAttrs([]slog.Attr) slog.Handler { return o }

// WithGroup is part of slog.Handler.
func (o *output) WithGroup(string) slog.Handler { return o }

// keep writes r to the file, and says once when that stops working.
func (o *output) keep(ctx context.Context, r slog.Record) {
	err := o.file.Handle(ctx, r)
	if err != nil && !o.fileLost {
		note := slog.NewRecord(time.Now(), slog.LevelError, "the log file of an extension cannot be written", 0)
		note.AddAttrs(slog.String("err", err.Error()))
		_ = o.host.Handle(ctx, note)
	}
	o.fileLost = err != nil
}

// remember adds r to the tail.
func (o *output) remember(r slog.Record) {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteByte(' ')
		b.WriteString(a.Key)
		b.WriteByte('=')
		b.WriteString(a.Value.String())
		return b.Len() < tailLines*tailLineBytes
	})
	for line := range strings.SplitSeq(b.String(), "\n") {
		if len(o.tail) == tailLines {
			copy(o.tail, o.tail[1:])
			o.tail = o.tail[:tailLines-1]
		}
		o.tail = append(o.tail, tidy(line))
	}
}

// lastLines returns what the process said last, never nil.
func (o *output) lastLines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.tail...)
}

// stream returns a writer for one of the process's streams. Until stop is closed it
// blocks a writer that says too much.
func (o *output) stream(stop <-chan struct{}) *stream {
	return &stream{out: o, lines: slogbridge.NewLines(slog.New(o)), bytes: o.bytes, stop: stop}
}

// stream turns bytes into lines.
type stream struct {
	out   *output
	lines *slogbridge.Lines
	bytes *bucket
	stop  <-chan struct{}
}

// Write never fails.
func (s *stream) Write(p []byte) (int, error) {
	s.out.addDump(p)
	n, err := s.lines.Write(p)
	for !s.bytes.take(len(p), time.Now()) {
		t := time.NewTimer(20 * time.Millisecond)
		select {
		case <-t.C:
		case <-s.stop:
			t.Stop()
			return n, err
		}
	}
	return n, err
}

// Close logs the last line, which may lack its end.
func (s *stream) Close() error { return s.lines.Close() }

var _ io.WriteCloser = (*stream)(nil)

// bucket allows rate units a second, and burst at once.
type bucket struct {
	mu          sync.Mutex
	rate, burst float64
	level       float64
	last        time.Time
}

func newBucket(rate, burst float64) *bucket { return &bucket{rate: rate, burst: burst, level: burst} }

// take takes n units if there are any at all; the level may fall below zero, so that n
// may be more than a burst.
func (b *bucket) take(n int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.last.IsZero() {
		b.level = min(b.burst, b.level+now.Sub(b.last).Seconds()*b.rate)
	}
	b.last = now
	if b.level <= 0 {
		return false
	}
	b.level -= float64(n)
	return true
}

// keepDump begins to keep what the process prints, as its dump.
func (o *output) keepDump() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dumping = true
}

// dumped returns what was kept of the dump, nil if it was nothing.
func (o *output) dumped() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dumping = false
	return o.dump
}

// addDump adds to the dump, if there is one.
func (o *output) addDump(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dumping {
		o.dump = append(o.dump, p[:min(len(p), dumpBytes-len(o.dump))]...)
	}
}

// tidy makes one line of a child fit for a page or a terminal: bounded, valid UTF-8,
// no control characters but the tab.
func tidy(line string) string {
	if len(line) > tailLineBytes {
		cut := tailLineBytes - len("…")
		for cut > 0 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		line = line[:cut] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(line, string(utf8.RuneError)))
}
