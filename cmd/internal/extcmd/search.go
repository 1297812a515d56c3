package extcmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// available is what GET /api/v1/available answers, of all pages together.
type available struct {
	Available []host.Offer             `json:"available"`
	More      bool                     `json:"more"`
	Missing   []host.MissingRepository `json:"missing"`
}

func newSearch(t *target) *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "search [WORD…]",
		Short: "search the repositories for extensions that can be installed",
		Example: `  jackfield ext search maps
  jackfield ext search -o json`,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 50, "list so many at most, up to 200")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if limit < 1 || limit > 200 {
			return output.Usagef("", "--limit is a number from 1 to 200")
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		found, err := c.search(cmd.Context(), strings.Join(args, " "), limit)
		if err != nil {
			return err
		}
		for _, m := range found.Missing { // whoever does not read it does not miss it
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "jackfield: warning: repository %s: %s\n", oneLine(m.Name), oneLine(m.Message))
		}
		return format.Print(cmd.OutOrStdout(), found, func(w io.Writer) error { return printOffers(w, found) })
	}
	return cmd
}

func (c *client) search(ctx context.Context, words string, limit int) (available, error) {
	found := available{Available: []host.Offer{}, Missing: []host.MissingRepository{}}
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if words != "" {
		query.Set("q", words)
	}
	err := c.Ask(ctx, question{What: "searching the repositories", Path: []string{"available"}, Query: query, Patience: planPatience}, &found)
	return found, err
}

func printOffers(w io.Writer, found available) error {
	rows := make([][]string, len(found.Available))
	for i, o := range found.Available {
		rows[i] = []string{o.ID, o.Name, o.Version, o.Publisher, o.Repository, o.Installed, visible.Clip(noteOf(o), 200)}
	}
	return output.Rows(w, []string{"ID", "NAME", "VERSION", "PUBLISHER", "REPOSITORY", "INSTALLED", "NOTE"}, rows)
}

// noteOf is what somebody should know before they install.
func noteOf(o host.Offer) string {
	var notes []string
	switch {
	case o.Revoked != "":
		notes = append(notes, "revoked: "+o.Revoked)
	case !o.Usable && o.Needs != "":
		notes = append(notes, "needs host version "+o.Needs)
	case !o.Usable:
		notes = append(notes, "not for this machine")
	case o.Action == "update":
		notes = append(notes, "update")
	}
	if o.Deprecated != "" {
		notes = append(notes, "deprecated: "+o.Deprecated)
	}
	if o.Channel == "beta" {
		notes = append(notes, "beta")
	}
	for _, a := range o.Advisories {
		notes = append(notes, a.Severity+": "+a.Title)
	}
	return strings.Join(notes, "; ")
}

// standing is what `ext outdated` prints.
type standing struct {
	Outdated []host.Outdated `json:"outdated"`
	Findings []host.Finding  `json:"findings"`
}

func newOutdated(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "outdated",
		Short: "list installed extensions with a higher version, and what repositories warn of",
		Example: `  jackfield ext outdated
  jackfield ext outdated -o json`,
		Args: cobra.NoArgs,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		var s standing
		if err := c.Ask(cmd.Context(), question{What: "looking for updates", Path: []string{"outdated"}, Patience: planPatience}, &s); err != nil {
			return err
		}
		if err := c.Ask(cmd.Context(), question{What: "looking for advisories", Path: []string{"advisories"}}, &s); err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), s, func(w io.Writer) error { return printStanding(w, s) })
	}
	return cmd
}

func printStanding(w io.Writer, s standing) error {
	rows := make([][]string, len(s.Outdated))
	for i, o := range s.Outdated {
		comes, needs := "by itself", []string{}
		if !o.Automatic {
			comes = strings.TrimSpace("by hand " + o.Why)
		}
		for _, n := range o.Needs {
			needs = append(needs, n.What)
		}
		rows[i] = []string{o.ID, o.Version, o.Latest, o.Repository, visible.Clip(comes, 200), strings.Join(needs, ", ")}
	}
	if err := output.Rows(w, []string{"ID", "VERSION", "LATEST", "REPOSITORY", "COMES", "NEEDS"}, rows); err != nil || len(s.Findings) == 0 {
		return err
	}
	var warnings [][]string
	for _, f := range s.Findings {
		add := func(what, text string) {
			if text != "" {
				warnings = append(warnings, []string{f.ID, f.Version, what, visible.Clip(text, 200)})
			}
		}
		add("revoked", f.Revoked)
		for _, a := range f.Advisories {
			text := a.Title
			if a.Fixed != "" {
				text += " (fixed in " + a.Fixed + ")"
			}
			add(a.Severity, text+" "+a.URL)
		}
		add("withdrawn", f.Withdrawn)
		add("deprecated", f.Deprecated)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return output.Rows(w, []string{"ID", "VERSION", "WARNING", "TEXT"}, warnings)
}

func newRepo(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repo",
		Short: "see where extensions are installed from, look there now, forget what is known",
	}
	cmd.AddCommand(newRepoList(t), newRepoRefresh(t), newRepoForget(t))
	return cmd
}

func newRepoList(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "list the repositories in the order in which they go before each other, and how each stands",
		Example: "  jackfield ext repo list",
		Args:    cobra.NoArgs,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		list, err := c.repositories(cmd.Context())
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), list, func(w io.Writer) error { return printRepositories(w, list) })
	}
	return cmd
}

func (c *client) repositories(ctx context.Context) ([]host.Repository, error) {
	var answer struct{ Repositories []host.Repository }
	err := c.Ask(ctx, question{What: "listing the repositories", Path: []string{"repositories"}}, &answer)
	return answer.Repositories, err
}

func printRepositories(w io.Writer, list []host.Repository) error {
	rows := make([][]string, len(list))
	for i, r := range list {
		state, reason := r.State, ""
		if !r.Enabled {
			state = "disabled"
		}
		if r.Code != "" {
			reason = r.Code + ": " + r.Message
		}
		rows[i] = []string{r.Name, r.Kind, strconv.Itoa(r.Priority), state, strconv.Itoa(r.Listings), timeOf(r.Checked), r.URL, visible.Clip(reason, 200)}
	}
	const state = 3 // its column
	return output.Grid{
		Header: []string{"NAME", "KIND", "PRIORITY", "STATE", "EXTENSIONS", "CHECKED", "URL", "REASON"}, Rows: rows,
		Tint: func(row, column int) output.Tint {
			if column != state || !list[row].Enabled {
				return output.Plain
			}
			return map[string]output.Tint{"ok": output.Good, "stale": output.Busy, "error": output.Bad}[list[row].State]
		},
	}.Write(w)
}

func newRepoRefresh(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "refresh [NAME…]",
		Short: "look at repositories now: those that are named, or all",
		Long: `Refresh asks repositories whether something is new, waits for that and prints how each
stands then. It fails when one of them could not be read.`,
		Example: `  jackfield ext repo refresh
  jackfield ext repo refresh acme`,
		ValidArgsFunction: t.completeRepositories,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		names := args
		if len(names) == 0 {
			all, err := c.repositories(cmd.Context())
			if err != nil {
				return err
			}
			for _, r := range all {
				if r.Enabled {
					names = append(names, r.Name)
				}
			}
		}
		list := []host.Repository{}
		for _, name := range names {
			var r host.Repository
			what := fmt.Sprintf("refreshing %q", name)
			if err := c.Ask(cmd.Context(), question{What: what, Method: http.MethodPost, Path: []string{"repositories", name, "refresh"}, Patience: planPatience}, &r); err != nil {
				return err
			}
			list = append(list, r)
		}
		if err := format.Print(cmd.OutOrStdout(), list, func(w io.Writer) error { return printRepositories(w, list) }); err != nil {
			return err
		}
		if i := slices.IndexFunc(list, func(r host.Repository) bool { return r.State != "ok" }); i >= 0 {
			return output.Errorf("'jackfield doctor' looks closer", "refreshing %q: it is %s: %s: %s", list[i].Name, oneLine(list[i].State), oneLine(list[i].Code), oneLine(list[i].Message))
		}
		return nil
	}
	return cmd
}
