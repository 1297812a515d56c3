package extcmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// drawEvery is how often the bar is drawn at most.
const drawEvery = 100 * time.Millisecond

// progress shows a person how far an upload is. It shows nothing where nobody looks:
// it needs a terminal.
type progress struct {
	mu          sync.Mutex // guards all; bytes are counted while the answer may be there
	w           io.Writer  // nil when there is nobody to show it to
	name        string
	done, total int64 // total is -1 when it is not known
	sent        bool  // bytes are not shown any more
	drawn       time.Time
}

func newProgress(w io.Writer, name string, total int64) *progress {
	p := &progress{name: name, total: total}
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		p.w = w
	}
	return p
}

// shown reports whether somebody looks.
func (p *progress) shown() bool { return p.w != nil }

// say shows a word in the place of the bar.
func (p *progress) say(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.drawn = time.Now()
		_, _ = io.WriteString(p.w, "\r"+visible.Clip(p.name, 30)+"  "+visible.Clip(word, 30)+"\x1b[K") // only for the eye
	}
}

// add says that n more bytes are on their way.
func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	if now := time.Now(); p.w != nil && !p.sent && now.Sub(p.drawn) >= drawEvery {
		p.drawn = now
		_, _ = io.WriteString(p.w, "\r"+bar(p.name, p.done, p.total)+"\x1b[K") // only for the eye
	}
}

// end takes the bar away, for good: what say shows, until the next end.
func (p *progress) end() {
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
