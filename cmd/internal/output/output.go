// Package output is how every command of jackfield speaks: results as a table for
// people or as JSON for programs, errors with what, which and what next.
//
// A command calls AddFlag once to get -o, Print for its result, and returns errors:
// Usagef for a wrong command line (exit code 2), Errorf with WithHint for anything
// else (exit code 1). Only the root command prints errors, through Report. Text in
// a table or an error can not steer the terminal, whoever it came from.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// Format is the value of -o.
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
)

// AddFlag gives cmd the flag -o/--output and returns where its value will be.
func AddFlag(cmd *cobra.Command) *Format {
	f := Table
	cmd.Flags().VarP(&f, "output", "o", "how to print the result: table or json")
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{string(Table), string(JSON)}, cobra.ShellCompDirectiveNoFileComp))
	return &f
}

// Set implements pflag.Value.
func (f *Format) Set(s string) error {
	switch Format(s) {
	case Table, JSON:
		*f = Format(s)
		return nil
	}
	return fmt.Errorf("%q is not table or json", s)
}

func (f *Format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *Format) Type() string { return "table|json" }

// Print writes value as indented JSON, or calls table for people.
func (f Format) Print(w io.Writer, value any, table func(io.Writer) error) error {
	if f == JSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(value)
	}
	return table(w)
}

// Rows writes aligned columns: a header, then rows. Cells are shown through
// visible.Text; an empty one becomes a dash, so that columns can be counted.
func Rows(w io.Writer, header []string, rows [][]string) error {
	all := append([][]string{header}, rows...)
	widths := make([]int, len(header))
	shown := make([][]string, len(all))
	for i, row := range all {
		shown[i] = make([]string, len(header))
		for j := range header {
			cell := "-"
			if j < len(row) && row[j] != "" {
				cell = visible.Text(row[j])
			}
			shown[i][j] = cell
			widths[j] = max(widths[j], utf8.RuneCountInString(cell))
		}
	}
	return write(w, shown, widths)
}

// Fields writes one "name  value" line per field, names aligned, for a single
// thing. Fields without a value are left out.
func Fields(w io.Writer, fields [][2]string) error {
	var shown [][]string
	widths := []int{0, 0}
	for _, f := range fields {
		if f[1] == "" {
			continue
		}
		shown = append(shown, []string{f[0], visible.Text(f[1])})
		widths[0] = max(widths[0], utf8.RuneCountInString(f[0]))
	}
	return write(w, shown, widths)
}

func write(w io.Writer, rows [][]string, widths []int) error {
	var b strings.Builder
	for _, row := range rows {
		for j, cell := range row {
			b.WriteString(cell)
			if j < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
