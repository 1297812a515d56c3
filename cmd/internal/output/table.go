package output

import (
	"io"
	"strings"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// Tint is a color by what it means. Without colors the text alone says it.
type Tint int

// The tints.
const (
	Plain Tint = iota
	Good       // green
	Busy       // yellow: it passes, or is worth a look
	Bad        // red
	Faint      // beside the point
)

// Paint puts text into its color; it is for terminals whose Color is true.
func (t Tint) Paint(text string) string {
	code := map[Tint]string{Good: "32", Busy: "33", Bad: "31", Faint: "2"}[t]
	if code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// StateTint is the tint of an extension's state, as of docs/host.md.
func StateTint(state string) Tint {
	switch state {
	case "running":
		return Good
	case "failed", "refused", "backoff", "conflict", "unsupported":
		return Bad
	case "stopped", "removed":
		return Faint
	}
	return Busy
}

const (
	gap = 2 // cells between two columns
	// narrow is how far a column may shrink, the first one to twice of it: by what
	// stands there people name things in the next command.
	narrow = 6
)

// Grid is aligned columns for people.
type Grid struct {
	Header []string
	// Rows are shown through visible.Text; an empty cell becomes a dash, so that columns
	// can be counted.
	Rows [][]string
	// Tint colors the cell of a row and column, nil for none. It is asked only on
	// terminals with colors.
	Tint func(row, column int) Tint
}

// Write writes the table. On a terminal it fits into its width: columns shrink, the
// widest first and the first one last, and what is cut off ends in an ellipsis.
// Elsewhere nothing is cut.
func (g Grid) Write(w io.Writer) error {
	text := g.Render(Look(w))
	_, err := io.WriteString(w, text)
	return err
}

// Render is the table as a terminal shows it.
func (g Grid) Render(at Terminal) string {
	shown := make([][]string, 0, len(g.Rows)+1)
	widths := make([]int, len(g.Header))
	for _, row := range append([][]string{g.Header}, g.Rows...) {
		cells := make([]string, len(g.Header))
		for j := range g.Header {
			cells[j] = "-"
			if j < len(row) && row[j] != "" {
				cells[j] = visible.Text(row[j])
			}
			widths[j] = max(widths[j], Columns(cells[j]))
		}
		shown = append(shown, cells)
	}
	if at.Width > 0 {
		shrink(widths, at.Width)
	}
	var b strings.Builder
	for i, cells := range shown {
		for j, cell := range cells {
			cell = Fit(cell, widths[j])
			pad := ""
			if j < len(cells)-1 {
				pad = strings.Repeat(" ", widths[j]-Columns(cell)+gap)
			}
			if at.Color && g.Tint != nil && i > 0 {
				cell = g.Tint(i-1, j).Paint(cell)
			}
			b.WriteString(cell + pad)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// shrink takes from the widest columns until all fit into limit cells, or none can give
// any more.
func shrink(widths []int, limit int) {
	total := gap * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	for ; total > limit; total-- {
		widest := -1
		for j := 1; j < len(widths); j++ {
			if widths[j] > narrow && (widest < 0 || widths[j] >= widths[widest]) {
				widest = j
			}
		}
		if widest < 0 {
			if len(widths) == 0 || widths[0] <= 2*narrow {
				return
			}
			widest = 0
		}
		widths[widest]--
	}
}
