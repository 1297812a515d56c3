package top

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// screen is what is on it, and what the next key does.
type screen struct {
	host  string // as it is named on the first line
	view  View
	list  []Standing
	at    time.Time // of the last look
	err   error     // of the last look
	first int       // which of the shown extensions is the first on the screen
	// typing is true while a filter is typed, help while the keys are shown.
	typing, help bool
}

// The keys that are no letters.
const (
	interrupt = 3 // Ctrl-C
	enter     = '\r'
	escape    = 27
	rubout    = 127
	erase     = 8
	up        = 0xF0 // arrows, as keysOf writes them
	down      = 0xF1
	pageUp    = 0xF2
	pageDown  = 0xF3
)

// press does what a key is for; quit says that it was the last one.
func (s *screen) press(key byte, height int) (quit bool) {
	if key == interrupt {
		return true
	}
	if s.typing {
		s.write(key)
		return false
	}
	page := max(height-4, 1)
	switch key {
	case 'q', 'Q':
		return true
	case '/':
		s.typing, s.help = true, false
	case escape:
		s.view.Filter, s.help, s.first = "", false, 0
	case '?', 'h':
		s.help = !s.help
	case '!':
		s.view.Reverse = !s.view.Reverse
	case up, 'k':
		s.first--
	case down, 'j':
		s.first++
	case pageUp:
		s.first -= page
	case pageDown, ' ':
		s.first += page
	default:
		for _, c := range columns() {
			if c.key != key {
				continue
			}
			s.view.Reverse = c.name == s.view.Sort && !s.view.Reverse
			s.view.Sort, s.first = c.name, 0
		}
	}
	return false
}

// write is a key while the filter is typed.
func (s *screen) write(key byte) {
	const longest = 100
	switch {
	case key == enter:
		s.typing = false
	case key == escape:
		s.typing, s.view.Filter = false, ""
	case key == rubout || key == erase:
		if f := s.view.Filter; f != "" {
			s.view.Filter = f[:len(f)-1]
		}
	case key >= ' ' && key < rubout && len(s.view.Filter) < longest:
		s.view.Filter += string(key)
	}
	s.first = 0
}

// draw is the whole screen, each line of it ended. It is never more than fits.
func (s *screen) draw(at output.Terminal) string {
	lines := []string{output.Fit(fmt.Sprintf("%s  %s  %s", s.host, s.at.Format(time.TimeOnly), summary(s.list)), at.Width)}
	switch {
	case s.err != nil:
		text := output.Fit(oneLine(s.err.Error()), at.Width)
		if at.Color {
			text = output.Bad.Paint(text)
		}
		lines = append(lines, text)
	case s.typing || s.view.Filter != "":
		lines = append(lines, output.Fit("filter: "+s.view.Filter, at.Width))
	default:
		lines = append(lines, "")
	}
	if s.help {
		lines = append(lines, keyHelp()...)
	} else {
		shown := s.view.Of(s.list)
		room := max(at.Height-len(lines)-2, 0) // its header, and the last line
		s.first = max(min(s.first, len(shown)-room), 0)
		table := strings.Split(strings.TrimSuffix(grid(shown, s.view).Render(at), "\n"), "\n")
		lines = append(lines, table[0])
		lines = append(lines, table[1+s.first:min(1+s.first+room, len(table))]...)
	}
	if len(lines) > at.Height-1 {
		lines = lines[:max(at.Height-1, 0)]
	}
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\r\n")
	}
	foot := output.Fit("q quit  / filter  ? keys  sort: i id  s state  r requests  e errors  9 p99  m memory  c cpu  n restarts", at.Width)
	if at.Color {
		foot = output.Faint.Paint(foot)
	}
	b.WriteString("\x1b[J" + foot)
	return b.String()
}

func keyHelp() []string {
	lines := []string{"", "q, Ctrl-C  quit", "/          type a filter: a part of id, state or code; Enter keeps it, Esc clears it", "arrows, j, k, space  scroll", "!          turn the order round", ""}
	for _, c := range columns() {
		lines = append(lines, fmt.Sprintf("%c          sort by %s", c.key, c.name))
	}
	return append(lines, "", "numbers are over the last half minute; CPU is in hundredths of one core")
}

// keysOf turns what a terminal sends into keys: arrows become one byte each. An escape
// that stands alone is the key.
func keysOf(sent []byte) []byte {
	var keys []byte
	for i := 0; i < len(sent); i++ {
		if sent[i] != escape || i+1 == len(sent) || sent[i+1] != '[' && sent[i+1] != 'O' {
			if sent[i] < 0x80 { // what is not ASCII is no key
				keys = append(keys, sent[i])
			}
			continue
		}
		end := i + 2
		for end < len(sent) && (sent[end] < 0x40 || sent[end] > 0x7E) {
			end++
		}
		if end == len(sent) {
			return keys
		}
		switch {
		case sent[end] == 'A':
			keys = append(keys, up)
		case sent[end] == 'B':
			keys = append(keys, down)
		case sent[end] == '~' && sent[i+2] == '5':
			keys = append(keys, pageUp)
		case sent[end] == '~' && sent[i+2] == '6':
			keys = append(keys, pageDown)
		}
		i = end
	}
	return keys
}

// look asks the source, and keeps what was there when it does not answer.
func (s *screen) look(ctx context.Context, source Source) {
	list, err := source(ctx)
	if s.err = err; err == nil {
		s.list, s.at = list, time.Now()
	}
}
