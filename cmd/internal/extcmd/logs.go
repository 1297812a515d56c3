package extcmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// maxLogLine bounds one line of a log as it comes over the wire: the host cuts them
// shorter, and encoding makes them longer.
const maxLogLine = 4 << 20

const (
	// logPatience bounds how long the lines that are there may take.
	logPatience = 30 * time.Second
	// maxLog bounds what they may come to.
	maxLog = 64 << 20
)

// logFlags are what `ext logs` takes.
type logFlags struct {
	follow          bool
	tail            int
	level, contains string
	since           string
}

func newLogs(t *target) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "logs ID",
		Short: "show what an extension has said, the oldest first",
		Long: `Logs shows the last lines of an extension's log, and with --follow those that come,
until the host stops or the command is interrupted. With -o json each line is one JSON
object. The whole log is a file in log/extensions in the host's home.`,
		Example: `  jackfield ext logs examples.hello.HelloExtension --tail 20
  jackfield ext logs examples.hello.HelloExtension -f --level warn
  jackfield ext logs examples.hello.HelloExtension --since 10m --contains device=7`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.idThen(false),
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with the lines that come")
	flags.IntVar(&f.tail, "tail", host.DefaultTail, "how many of the last lines that match")
	flags.StringVar(&f.level, "level", "", "least level: "+strings.Join(host.LogLevels(), ", "))
	flags.StringVar(&f.contains, "contains", "", "a text in the message, or in KEY=VALUE of an attribute")
	flags.StringVar(&f.since, "since", "", "leave out what is older: a duration such as 10m, or a time as in RFC 3339")
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("level", cobra.FixedCompletions(host.LogLevels(), cobra.ShellCompDirectiveNoFileComp))
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query, err := f.query(time.Now())
		if err != nil {
			return err
		}
		if *format == output.JSON {
			query.Set("format", "json")
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		what := fmt.Sprintf("reading the log of %q", args[0])
		if f.follow {
			query.Set("follow", "true")
			return c.followLog(cmd.Context(), what, args[0], query, cmd.OutOrStdout(), cmd.ErrOrStderr())
		}
		return c.readLog(cmd.Context(), what, args[0], query, cmd.OutOrStdout())
	}
	return cmd
}

// query is what the flags ask for.
func (f *logFlags) query(now time.Time) (url.Values, error) {
	if f.tail < 0 || f.tail > host.MaxTail {
		return nil, output.Usagef("", "--tail must be a number from 0 to %d", host.MaxTail)
	}
	if f.level != "" && !slices.Contains(host.LogLevels(), f.level) {
		return nil, output.Usagef("", "--level must be one of %s", strings.Join(host.LogLevels(), ", "))
	}
	query := url.Values{"tail": {strconv.Itoa(f.tail)}}
	if f.since != "" {
		since, err := time.Parse(time.RFC3339Nano, f.since)
		if ago, bad := time.ParseDuration(f.since); bad == nil && ago >= 0 {
			since, err = now.Add(-ago), nil
		}
		if err != nil {
			return nil, output.Usagef("write 10m, 2h or 2026-11-26T12:00:00Z", "--since: %q is no duration and no time", f.since)
		}
		query.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	for name, value := range map[string]string{"level": f.level, "contains": f.contains} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query, nil
}

// openLog begins to read a log.
func (c *client) openLog(ctx context.Context, what, id string, query url.Values) (*http.Response, error) {
	req, err := c.Request(ctx, http.MethodGet, nil, query, "extensions", id, "logs")
	if err != nil {
		return nil, err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, hostclient.Unreachable(what, req.URL, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, hostclient.Refusal(what, resp)
	}
	return resp, nil
}

// readLog prints the lines that are there.
func (c *client) readLog(ctx context.Context, what, id string, query url.Values, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, logPatience)
	defer cancel()
	resp, err := c.openLog(ctx, what, id, query)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := logLines(io.LimitReader(resp.Body, maxLog))
	for lines.Scan() {
		if err := printLine(w, lines.Bytes(), query.Get("format") == "json"); err != nil {
			return err
		}
	}
	return unread(what, lines.Err())
}

// followLog prints lines as they come. It ends with the host, or with ctx.
func (c *client) followLog(ctx context.Context, what, id string, query url.Values, w, notes io.Writer) error {
	resp, err := c.openLog(ctx, what, id, query)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := logLines(resp.Body)
	var event string
	var data []string
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			event = value
		case "data":
			data = append(data, value)
		}
		if lines.Text() != "" { // the event goes on
			continue
		}
		switch event {
		case "line":
			err = printLine(w, []byte(strings.Join(data, "\n")), query.Get("format") == "json")
		case "missed":
			// It is for people: whoever reads JSON sees it in what is missing.
			_, _ = fmt.Fprintln(notes, "jackfield: "+missed(data))
		}
		if err != nil {
			return err
		}
		event, data = "", nil
	}
	if ctx.Err() != nil { // who interrupts it has seen enough
		return nil
	}
	return unread(what, lines.Err())
}

// missed says what a reader has missed.
func missed(data []string) string {
	var m struct{ Lines int }
	if json.Unmarshal([]byte(strings.Join(data, "\n")), &m) != nil || m.Lines < 0 {
		return "some lines were missed here"
	}
	return fmt.Sprintf("%d lines were missed here", m.Lines)
}

func logLines(r io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLogLine)
	return lines
}

func unread(what string, err error) error {
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) { // the host has ended
		return nil
	}
	return output.Errorf("", "%s: reading the answer: %w", what, err)
}

// printLine prints a line; what an extension has said does not steer the terminal.
func printLine(w io.Writer, line []byte, isJSON bool) error {
	text := visible.Text(string(line))
	if isJSON { // escaped as it is, but for what JSON lets stand
		text = string(line)
		if !json.Valid(line) {
			return output.Errorf("is this the admin listener of a jackfield host of this version?", "the host has sent a line that is no JSON")
		}
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// asConfigured is how the command line says that the configured level is to hold again.
const asConfigured = "default"

func newLevel(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "level ID LEVEL",
		Short: "keep the log of an extension from another level on, at once",
		Long: `Level sets from which level on the log of an extension is kept: debug, info, warn or
error. It holds at once, for the process that runs too, and until it is set to
"default", which is the level that is configured (log.level).`,
		Example: `  jackfield ext level examples.hello.HelloExtension debug
  jackfield ext level examples.hello.HelloExtension default`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return append(host.LogLevels(), asConfigured), cobra.ShellCompDirectiveNoFileComp
			}
			return t.completeIDs(cmd, args), cobra.ShellCompDirectiveNoFileComp
		},
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, level := args[0], args[1]
		if level != asConfigured && !slices.Contains(host.LogLevels(), level) {
			return output.Usagef("", "a level is one of %s, or %s", strings.Join(host.LogLevels(), ", "), asConfigured)
		}
		if level == asConfigured {
			level = ""
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		var e host.Extension
		err = c.Ask(cmd.Context(), question{
			What: fmt.Sprintf("setting the log level of %q", id), Method: http.MethodPost,
			Path: []string{"extensions", id, string(host.VerbLogLevel)}, Body: map[string]string{"level": level},
		}, &e)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), e, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"id", e.ID}, {"log level", e.LogLevel.Value}, {"configured", e.LogLevel.Default}})
		})
	}
	return cmd
}
