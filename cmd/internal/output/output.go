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

// Rows writes a Grid without colors.
func Rows(w io.Writer, header []string, rows [][]string) error {
	return Grid{Header: header, Rows: rows}.Write(w)
}

// Fields writes one "name  value" line per field, names aligned, for a single
// thing. Fields without a value are left out; on a terminal a value that is wider goes
// on below itself.
func Fields(w io.Writer, fields [][2]string) error {
	widest := 0
	for _, f := range fields {
		if f[1] != "" {
			widest = max(widest, Columns(f[0]))
		}
	}
	room, b := Look(w).Width-widest-gap, strings.Builder{}
	for _, f := range fields {
		if f[1] == "" {
			continue
		}
		name := f[0]
		for _, line := range Wrap(visible.Text(f[1]), room) {
			b.WriteString(name + strings.Repeat(" ", widest-Columns(name)+gap) + line + "\n")
			name = ""
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
