package page

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// auditWriter writes entries of the audit trail to a file that somebody keeps.
type auditWriter interface {
	// write writes a page of entries; done writes what is left.
	write([]host.AuditEntry) error
	done() error
}

// ndjson writes one JSON object on each line, as GET /api/v1/audit has them.
type ndjson struct{ *json.Encoder }

func newNDJSON(w io.Writer) ndjson {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return ndjson{e}
}

func (n ndjson) write(entries []host.AuditEntry) error {
	for _, e := range entries {
		if err := n.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

func (ndjson) done() error { return nil }

// table writes CSV (RFC 4180) for spreadsheets.
type table struct{ *csv.Writer }

func newTable(w io.Writer) (table, error) {
	t := table{csv.NewWriter(w)}
	t.UseCRLF = true
	return t, t.Write([]string{"time", "actor", "action", "target", "remote", "before", "after"})
}

func (t table) write(entries []host.AuditEntry) error {
	for _, e := range entries {
		record := []string{
			e.Time.UTC().Format(time.RFC3339Nano), e.Actor, e.Action, e.Target, e.Remote, string(e.Before), string(e.After),
		}
		for i := range record {
			record[i] = harmless(record[i])
		}
		if err := t.Write(record); err != nil {
			return err
		}
	}
	return nil
}

func (t table) done() error {
	t.Flush()
	return t.Error()
}

// harmless puts an apostrophe before what a spreadsheet would take for a formula, in the
// wide letters of East Asian scripts, too; see OWASP, CSV Injection.
func harmless(cell string) string {
	if strings.HasPrefix(strings.TrimLeft(cell, " "), "'") || strings.IndexFunc(strings.TrimLeft(cell, " "), isFormula) == 0 {
		return "'" + cell
	}
	return cell
}

func isFormula(r rune) bool { return strings.ContainsRune("=+-@\t\r\n＝＋－＠|%", r) }
