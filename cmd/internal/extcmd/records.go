package extcmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	// pageSize is what the host gives at once.
	pageSize = 500
	// maxRecords is how many events are asked for at most.
	maxRecords = 100_000
)

func newHistory(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "history ID",
		Short:             "show what happened to an extension, the newest first",
		Example:           "  jackfield ext history examples.hello.HelloExtension --limit 10",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.idThen(false),
	}
	limit := limitFlag(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkLimit(*limit); err != nil {
			return err
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		all := host.HistoryPage{Events: []host.Event{}}
		err = pages(*limit, func(query url.Values) (int, string, error) {
			var page host.HistoryPage
			err := c.Ask(cmd.Context(), question{
				What: fmt.Sprintf("reading the history of %q", args[0]), Path: []string{"extensions", args[0], "history"}, Query: query,
			}, &page)
			all.Events, all.Next = append(all.Events, page.Events...), page.Next
			return len(page.Events), page.Next, err
		})
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), all, func(w io.Writer) error {
			rows := make([][]string, len(all.Events))
			for i, e := range all.Events {
				rows[i] = []string{timeOf(&e.Time), e.Kind, e.Version, e.Actor, e.Code, visible.Clip(e.Message, 80)}
			}
			return output.Rows(w, []string{"TIME", "KIND", "VERSION", "ACTOR", "CODE", "MESSAGE"}, rows)
		})
	}
	return cmd
}

func newAudit(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "show who did what, when and from where, the newest first",
		Example: "  jackfield ext audit --limit 10",
		Args:    cobra.NoArgs,
	}
	limit := limitFlag(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkLimit(*limit); err != nil {
			return err
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		all := host.AuditPage{Events: []host.AuditEntry{}}
		err = pages(*limit, func(query url.Values) (int, string, error) {
			var page host.AuditPage
			err := c.Ask(cmd.Context(), question{What: "reading the audit trail", Path: []string{"audit"}, Query: query}, &page)
			all.Events, all.Next = append(all.Events, page.Events...), page.Next
			return len(page.Events), page.Next, err
		})
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), all, func(w io.Writer) error {
			rows := make([][]string, len(all.Events))
			for i, e := range all.Events {
				rows[i] = []string{timeOf(&e.Time), e.Actor, e.Remote, e.Action, e.Target, visible.Clip(change(e), 80)}
			}
			return output.Rows(w, []string{"TIME", "ACTOR", "REMOTE", "ACTION", "TARGET", "CHANGE"}, rows)
		})
	}
	return cmd
}

func limitFlag(cmd *cobra.Command) *int {
	return cmd.Flags().Int("limit", 100, "how many to show")
}

func checkLimit(limit int) error {
	if limit < 1 || limit > maxRecords {
		return output.Usagef("", "--limit must be a number from 1 to %d", maxRecords)
	}
	return nil
}

// pages asks for one page after the other until limit is reached or there are no more.
// A host that always promises another one is asked no more often than it gives.
func pages(limit int, page func(query url.Values) (got int, next string, err error)) error {
	cursor := ""
	for limit > 0 {
		query := url.Values{"limit": {strconv.Itoa(min(limit, pageSize))}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		got, next, err := page(query)
		if err != nil || got == 0 || next == "" {
			return err
		}
		limit, cursor = limit-got, next
	}
	return nil
}

// change says in one line what an entry of the audit trail has changed.
func change(e host.AuditEntry) string {
	before, after := compact(e.Before), compact(e.After)
	switch {
	case before == "":
		return after
	case after == "":
		return before + " → nothing"
	}
	return before + " → " + after
}

// compact is JSON without its spaces, empty for null.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || string(raw) == "null" || json.Compact(&b, raw) != nil {
		return ""
	}
	return b.String()
}
