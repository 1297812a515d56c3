// Package storecmd is the part of `jackfield store` that talks to a store: publish, search,
// download, and what those do who administer it. Commands returns its commands; package
// storeserve has those that are the store.
//
// The store is found by package storeclient.
package storecmd

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

const long = `The commands of this group run a store, and talk to one. They find it by --store or
JACKFIELD_STORE, or through the folder of one that runs on this machine (--data,
JACKFIELD_STORE_DATA, else ./store-data). What changes something needs a token: of a
file named by --token-file, in JACKFIELD_STORE_TOKEN, or, through the folder, that of
the first administrator.`

// New returns the group, with the commands that are the store itself.
func New(own ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "run a store of extensions; publish to one, and look into it", Long: long}
	cmd.AddCommand(own...)
	for _, sub := range commands() {
		cmd.AddCommand(sub)
	}
	return cmd
}

// commands are those that talk to a store, each with the flags that say where it is.
func commands() []*cobra.Command {
	t := func() *target { return &target{} }
	all := []func(*target) *cobra.Command{
		newPublish, newSubmissions, newList, newSearch, newShow, newDownload, newExport, newImport,
		newLabel, newApprove, newReject, newRetry, newAdvisory, newRevoke, newUnrevoke, newOrganization, newToken, newAudit, newStats,
	}
	var list []*cobra.Command
	for _, make := range all {
		at := t()
		cmd := make(at)
		at.AddFlags(cmd)
		list = append(list, cmd)
	}
	for _, v := range verbs() {
		at := t()
		cmd := newVerb(at, v)
		at.AddFlags(cmd)
		list = append(list, cmd)
	}
	return list
}

// target is where the flags say that the store is.
type target struct{ storeclient.Target }

type question = storeclient.Question

// ask connects and sends one question.
func (t *target) ask(ctx context.Context, q question, into any) error {
	c, err := t.Connect()
	if err != nil {
		return err
	}
	return c.Ask(ctx, q, into)
}

// pages asks for page after page until limit entries have come, or the last page: next
// reads one and returns how many entries it has and the cursor of the following one.
func pages(limit, size int, read func(query url.Values) (int, string, error)) error {
	cursor := ""
	for left := limit; left > 0; {
		query := url.Values{"limit": {strconv.Itoa(min(left, size))}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		n, next, err := read(query)
		if err != nil || next == "" || n == 0 {
			return err
		}
		cursor, left = next, left-n
	}
	return nil
}

const (
	// maxRecords is how many entries are asked for at most.
	maxRecords = 100_000
	pageSize   = 200
)

func limitFlag(cmd *cobra.Command, initial int) *int {
	return cmd.Flags().Int("limit", initial, "how many are shown at most")
}

func checkLimit(limit int) error {
	if limit < 1 || limit > maxRecords {
		return output.Usagef("", "--limit must be from 1 to %d", maxRecords)
	}
	return nil
}

// idAndVersion splits ID@VERSION; the version may be missing.
func idAndVersion(arg string) (id, version string) {
	id, version, _ = strings.Cut(arg, "@")
	return id, version
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func oneLine(s string) string { return visible.Clip(s, 200) }

// print writes value as JSON, or as table shows it.
func printRows[T any](w io.Writer, format output.Format, value any, header []string, list []T, row func(T) []string) error {
	return format.Print(w, value, func(w io.Writer) error {
		rows := make([][]string, len(list))
		for i, item := range list {
			rows[i] = row(item)
		}
		return output.Rows(w, header, rows)
	})
}

// complete returns what completes the first argument: what find says, as far as the store
// answers at once.
func complete(t *target, find func(ctx context.Context, c *storeclient.Client, prefix string) ([]string, error)) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		parent := cmd.Context()
		if parent == nil {
			parent = context.Background()
		}
		ctx, cancel := context.WithTimeout(parent, 2*time.Second)
		defer cancel()
		c, err := t.Connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := find(ctx, c, prefix)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for i, s := range found {
			found[i] = visible.Clip(s, 300)
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// listings completes ids, and behind an @ the versions.
func listings(ctx context.Context, c *storeclient.Client, prefix string) ([]string, error) {
	var found []string
	if id, _, at := strings.Cut(prefix, "@"); at {
		var list store.ReleaseList
		err := c.Ask(ctx, question{What: "completing", Path: []string{"listings", id, "releases"}, Open: true}, &list)
		for _, r := range list.Releases {
			found = append(found, id+"@"+r.Version)
		}
		return found, err
	}
	var page store.CardPage
	err := c.Ask(ctx, question{What: "completing", Path: []string{"listings"}, Query: url.Values{"limit": {strconv.Itoa(pageSize)}}, Open: true}, &page)
	for _, card := range page.Listings {
		if strings.HasPrefix(card.ID, prefix) {
			found = append(found, card.ID)
		}
	}
	return found, err
}
