package storecmd

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

// filters are the flags of list and search.
type filters struct{ platform, label, format, publisher, host, channel, sort string }

func (f *filters) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.platform, "platform", "", "only what runs there, such as server or linux-amd64")
	flags.StringVar(&f.label, "label", "", "only with this label")
	flags.StringVar(&f.format, "format", "", "only files of this kind: bundle, jpl or jameica")
	flags.StringVar(&f.publisher, "publisher", "", "only of this organization")
	flags.StringVar(&f.host, "host-version", "", "only what a host of this version can use")
	flags.StringVar(&f.channel, "channel", "", "only of this channel: stable or beta")
}

func (f *filters) query(query url.Values) {
	for name, value := range map[string]string{
		"platform": f.platform, "label": f.label, "format": f.format, "publisher": f.publisher,
		"host_version": f.host, "channel": f.channel, "sort": f.sort,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
}

func newList(t *target) *cobra.Command {
	var f filters
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "list what the store offers",
		Example: "  jackfield store list --platform server --sort updated\n  jackfield store list -o json",
		Args:    cobra.NoArgs,
	}
	f.addFlags(cmd)
	cmd.Flags().StringVar(&f.sort, "sort", "", "the order: name, updated, published or downloads")
	limit := limitFlag(cmd, 200)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return t.list(cmd, "", f, *limit, *format) }
	return cmd
}

func newSearch(t *target) *cobra.Command {
	var f filters
	cmd := &cobra.Command{
		Use:   "search WORD…",
		Short: "search names, texts and types, the best first",
		Long: `Search finds what has all of the words in its names, texts or types, in any language;
the last word may be the beginning of one.`,
		Example:           "  jackfield store search geo track\n  jackfield store search '\"quoted words\"' --platform server",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.addFlags(cmd)
	limit := limitFlag(cmd, 50)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.list(cmd, strings.Join(args, " "), f, *limit, *format)
	}
	return cmd
}

func (t *target) list(cmd *cobra.Command, text string, f filters, limit int, format output.Format) error {
	if err := checkLimit(limit); err != nil {
		return err
	}
	c, err := t.Connect()
	if err != nil {
		return err
	}
	all := store.CardPage{Listings: []store.Card{}}
	err = pages(limit, pageSize, func(query url.Values) (int, string, error) {
		f.query(query)
		if text != "" {
			query.Set("q", text)
		}
		var page store.CardPage
		err := c.Ask(cmd.Context(), question{What: "listing", Path: []string{"listings"}, Query: query, Open: true}, &page)
		all.Listings, all.Next = append(all.Listings, page.Listings...), page.Next
		return len(page.Listings), page.Next, err
	})
	if err != nil {
		return err
	}
	return printRows(cmd.OutOrStdout(), format, all, []string{"ID", "NAME", "VERSION", "CHANNEL", "PUBLISHER", "FORMAT", "UPDATED", "SUMMARY"}, all.Listings,
		func(l store.Card) []string {
			return []string{l.ID, l.Name, l.Version, string(l.Channel), publisherOf(l.Publisher), string(l.Format), stamp(l.Updated), visible.Clip(l.Summary, 80)}
		})
}

func publisherOf(p store.Publisher) string {
	if p.Host == "" {
		return p.Organization
	}
	return p.Organization + " (" + p.Host + ")"
}

func newShow(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show ID[@VERSION]",
		Short:             "show a listing, or one release of it with what was checked",
		Example:           "  jackfield store show examples.hello.HelloExtension\n  jackfield store show examples.hello.HelloExtension@1.0.0 -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, listings),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, version := idAndVersion(args[0])
		what := "looking for " + oneLine(args[0])
		if version != "" {
			var r store.ReleaseDetail
			if err := t.ask(cmd.Context(), question{What: what, Path: []string{"listings", id, "releases", version}, Open: true}, &r); err != nil {
				return err
			}
			return format.Print(cmd.OutOrStdout(), r, func(w io.Writer) error { return printRelease(w, r) })
		}
		var l store.Listing
		if err := t.ask(cmd.Context(), question{What: what, Path: []string{"listings", id}, Open: true}, &l); err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), l, func(w io.Writer) error { return printListing(w, l) })
	}
	return cmd
}

func printListing(w io.Writer, l store.Listing) error {
	text := l.Texts[""]
	err := output.Fields(w, [][2]string{
		{"id", l.ID}, {"name", text.Name}, {"description", visible.Clip(text.Description, 300)}, {"publisher", publisherOf(l.Publisher)},
		{"pin", l.Publisher.Pin}, {"license", l.License}, {"labels", strings.Join(l.Labels, ", ")}, {"homepage", l.Links.Homepage},
		{"source", l.Links.Source}, {"format", string(l.Format)}, {"created", stamp(l.Created)}, {"updated", stamp(l.Updated)},
	})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	rows := make([][]string, len(l.Releases))
	for i, r := range l.Releases {
		var platforms []string
		size := int64(0)
		for _, f := range r.Files {
			platforms, size = append(platforms, f.Platforms...), size+f.Size
		}
		state := string(r.State)
		if r.Revoked != "" {
			state += ", revoked"
		}
		rows[i] = []string{r.Version, string(r.Channel), state, stamp(r.Published), strings.Join(platforms, " "), fmt.Sprint(size), visible.Clip(r.Note, 80)}
	}
	return output.Rows(w, []string{"VERSION", "CHANNEL", "STATE", "PUBLISHED", "PLATFORMS", "BYTES", "NOTE"}, rows)
}

func printRelease(w io.Writer, r store.ReleaseDetail) error {
	var types []string
	for _, t := range r.Types {
		types = append(types, t.Name+" ("+t.Role+")")
	}
	fields := [][2]string{
		{"id", r.Listing}, {"version", r.Version}, {"channel", string(r.Channel)}, {"state", string(r.State)}, {"note", r.Note}, {"revoked", r.Revoked},
		{"published", stamp(r.Published)}, {"min host", r.MinHost}, {"requires", strings.Join(r.Requires, ", ")},
		{"permissions", strings.Join(r.Permissions, ", ")}, {"types", strings.Join(types, ", ")}, {"signer", r.Signer.Name}, {"key", r.Signer.Key},
	}
	for _, f := range r.Files {
		fields = append(fields, [2]string{"file", fmt.Sprintf("%s  %s  %d bytes, for %s", f.Name, f.Digest, f.Size, strings.Join(f.Platforms, ", "))})
	}
	for _, e := range r.Detail.Evidence {
		fields = append(fields, [2]string{"checked", e.Check + ": " + e.Verdict + suffix(e.Text)})
	}
	return output.Fields(w, fields)
}

func suffix(text string) string {
	if text == "" {
		return ""
	}
	return ", " + visible.Clip(text, 200)
}

func newStats(t *target) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:               "stats [ID]",
		Short:             "show how often files were downloaded, by day",
		Example:           "  jackfield store stats examples.hello.HelloExtension --from 2026-11-01",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete(t, listings),
	}
	cmd.Flags().StringVar(&from, "from", "", "only on this day or later, such as 2026-11-01")
	cmd.Flags().StringVar(&to, "to", "", "only until this day")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := url.Values{}
		for name, value := range map[string]string{"from": from, "to": to, "listing": strings.Join(args, "")} {
			if value != "" {
				query.Set(name, value)
			}
		}
		var stats store.Stats
		if err := t.ask(cmd.Context(), question{What: "counting downloads", Path: []string{"stats"}, Query: query, Open: true}, &stats); err != nil {
			return err
		}
		return printRows(cmd.OutOrStdout(), *format, stats, []string{"DAY", "LISTING", "VERSION", "PLATFORM", "DOWNLOADS"}, stats.Counts,
			func(c store.Count) []string {
				return []string{c.Day, c.Listing, c.Version, c.Platform, strconv.FormatInt(c.Downloads, 10)}
			})
	}
	return cmd
}
