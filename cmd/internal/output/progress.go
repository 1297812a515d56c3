package output

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// drawEvery is how often the bar is drawn at most.
const drawEvery = 100 * time.Millisecond

// Progress shows a person how far something is. It shows nothing where nobody looks: it
// needs a terminal. Its methods may be called by any goroutine.
type Progress struct {
	mu          sync.Mutex // guards all; bytes are counted while the answer may be there
	w           io.Writer  // nil when there is nobody to show it to
	width       int        // of the terminal
	name        string
	done, total int64 // total is -1 when it is not known
	sent        bool  // bytes are not shown any more
	drawn       time.Time
}

// NewProgress makes a bar on w, which is stderr: results go to stdout. name is what moves,
// total how many bytes it has, -1 for unknown. Whoever makes one calls End.
func NewProgress(w io.Writer, name string, total int64) *Progress {
	p := &Progress{name: name, total: total}
	if at := Look(w); at.Width > 0 {
		p.w, p.width = w, at.Width
	}
	return p
}

// Shown reports whether somebody looks.
func (p *Progress) Shown() bool { return p.w != nil }

// Say shows a word in the place of the bar.
func (p *Progress) Say(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.drawn = time.Now()
		_, _ = io.WriteString(p.w, "\r"+Fit(visible.Clip(p.name, 30)+"  "+visible.Clip(word, 30), p.width-1)+"\x1b[K") // only for the eye
	}
}

// Add says that n more bytes are on their way.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	p.draw()
}

// Reach says that done of total bytes are through. What begins again begins at 0.
func (p *Progress) Reach(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = done, total
	p.draw()
}

// draw shows the bar if it is time. The caller has p.mu.
func (p *Progress) draw() {
	if now := time.Now(); p.w != nil && !p.sent && now.Sub(p.drawn) >= drawEvery {
		p.drawn = now
		_, _ = io.WriteString(p.w, "\r"+Fit(bar(p.name, p.done, p.total), p.width-1)+"\x1b[K") // only for the eye
	}
}

// End takes the bar away, for good: what Say shows, until the next End.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil && !p.drawn.IsZero() {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
	}
	p.drawn, p.sent = time.Time{}, true
}

// bar is the line that is shown, short enough for any terminal.
func bar(name string, done, total int64) string {
	const width = 20
	line := visible.Clip(name, 30)
	if total <= 0 {
		return fmt.Sprintf("%s  %s", line, mebibytes(done))
	}
	done = min(done, total)
	full := int(done * width / total)
	return fmt.Sprintf("%s  [%s%s] %3d %%  %s of %s", line, strings.Repeat("#", full), strings.Repeat(" ", width-full),
		done*100/total, mebibytes(done), mebibytes(total))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
