package extcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

// uploadPatience is how long an upload may stand still, and how long the host may
// take to check what has come.
const uploadPatience = 5 * time.Minute

func newInstall(t *target) *cobra.Command {
	var dryRun, noWait bool
	var key string
	cmd := &cobra.Command{
		Use:   "install FILE|-|ID[@VERSION]…",
		Short: "install extensions: a bundle, or from the repositories by their ids",
		Long: `Install sends a bundle to the host. The host checks it, puts it into its drop folder
and starts it; a version of the extension that runs goes on until the new one is
healthy. The command waits for that and prints the state. With - the bundle comes
from the standard input. Who installs a bundle consents to what it asks for, which
--dry-run shows before.

With ids the host installs from its repositories, with what is needed besides. The
command shows what would be done (what, from where, why, what it asks for, what it
replaces) and asks, then has it done: all of it or nothing. VERSION is a version or a
constraint such as ">=2 <3". What could be both a file and an id is a file.`,
		Example: `  jackfield ext install dist/bundles/hello-1.0.0.jar
  jackfield ext install hello-1.0.0.jar --dry-run
  curl -sSf https://example.org/hello-1.0.0.jar | jackfield ext install -
  jackfield ext install org.example.maps.Maps
  jackfield ext install org.example.maps.Maps@3.1 org.example.Base --yes`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: t.completeFileOrID,
	}
	flags := cmd.Flags()
	flags.BoolVar(&dryRun, "dry-run", false, "only say what would happen")
	flags.BoolVar(&noWait, "no-wait", false, "return as soon as the host has the bundle")
	flags.StringVar(&key, "idempotency-key", "", "name for this upload: for a day, a second one of the same name and bytes is answered as the first was")
	var f planFlags
	f.add(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case !slices.ContainsFunc(args, isFile):
			f.dryRun, f.noWait = dryRun, noWait
			if key != "" {
				return output.Usagef("", "--idempotency-key is for bundles that are sent, and %s is no file", args[0])
			}
			return t.carryOut(cmd, planOrder{Install: args, Beta: f.beta}, f, *format)
		case len(args) > 1:
			return output.Usagef("send one bundle after the other; ids can be named together", "install takes one file")
		}
		return t.installFile(cmd, args[0], key, dryRun, noWait, *format)
	}
	return cmd
}

// installFile sends a bundle.
func (t *target) installFile(cmd *cobra.Command, name, key string, dryRun, noWait bool, format output.Format) error {
	file, err := openBundle(name, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer file.Close()
	c, err := t.connect()
	if err != nil {
		return err
	}
	what := "installing " + oneLine(file.name)
	bar := output.NewProgress(cmd.ErrOrStderr(), file.name, file.size)
	done, err := c.upload(cmd.Context(), what, key, file, bar.Add, dryRun)
	bar.End()
	if err != nil {
		return err
	}
	for _, warning := range done.Warnings {
		// Whoever does not read it does not miss it.
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "jackfield: warning: "+oneLine(warning))
	}
	if dryRun || noWait {
		if err := format.Print(cmd.OutOrStdout(), done, func(w io.Writer) error { return printUploaded(w, done) }); err != nil || !failing(done.State) {
			return err
		}
		verdict := "it is"
		if dryRun {
			verdict = "it would be"
		}
		return notRunning(what, verdict, host.Extension{ID: done.ID, State: done.State, Reason: done.Reason})
	}
	stop := c.showJob(cmd.Context(), done.Job, bar)
	e, err := c.settled(cmd.Context(), what, done.ID)
	stop()
	if err != nil {
		return err
	}
	if err := printRow(cmd.OutOrStdout(), format, e); err != nil {
		return err
	}
	return judgeInstall(what, done, e)
}

// judgeInstall says whether what was sent is what runs.
func judgeInstall(what string, done host.Uploaded, e host.Extension) error {
	switch {
	case e.State != "running":
		return notRunning(what, "it is", e)
	case e.Digest == done.Digest:
		return nil
	case e.Candidate != nil && e.Candidate.Digest == done.Digest:
		return notTaken(what, e, done.Version, e.Candidate)
	}
	return notTaken(what, e, done.Version, nil)
}

func printUploaded(w io.Writer, u host.Uploaded) error {
	return output.Fields(w, [][2]string{
		{"id", u.ID}, {"version", u.Version}, {"action", u.Action}, {"runs now", u.From}, {"state", string(u.State)},
		{"reason", reasonOf(u.Reason)}, {"digest", u.Digest}, {"job", u.Job},
		{"permissions", strings.Join(u.Permissions, ", ")}, {"consents to", needsOf(u.Needs)},
	})
}

// bundleFile is what will be sent.
type bundleFile struct {
	io.ReadCloser
	name string
	size int64 // -1 for unknown
}

// openBundle opens what the argument means. What can not be a bundle is told at once.
func openBundle(arg string, stdin io.Reader) (*bundleFile, error) {
	if arg == "-" {
		return openStdin(stdin)
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, output.Errorf("", "reading the bundle: %w", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = output.Errorf("'jackfield bundle pack' makes a bundle of a folder", "%s is a folder, not a bundle", arg)
	case !info.Mode().IsRegular():
		return &bundleFile{f, filepath.Base(arg), -1}, nil
	case info.Size() == 0:
		err = output.Errorf("", "%s is empty", arg)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &bundleFile{f, filepath.Base(arg), info.Size()}, nil
}

func openStdin(stdin io.Reader) (*bundleFile, error) {
	b := &bundleFile{io.NopCloser(stdin), "the standard input", -1}
	f, ok := stdin.(*os.File)
	if !ok {
		return b, nil
	}
	if isatty.IsTerminal(f.Fd()) {
		return nil, output.Usagef("name the file, or send it with < or |", "the standard input is a terminal, not a bundle")
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if at, err := f.Seek(0, io.SeekCurrent); err == nil && at < info.Size() {
			b.size = info.Size() - at
		}
	}
	return b, nil
}

// errStill ends an upload that stands still.
var errStill = errors.New("nothing has moved")

// upload sends a bundle. It may take as long as it moves; came is told how far it is,
// from another goroutine.
func (c *client) upload(ctx context.Context, what, key string, file *bundleFile, came func(int), dryRun bool) (host.Uploaded, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	still := time.AfterFunc(uploadPatience, func() { cancel(errStill) })
	defer still.Stop()
	query := url.Values{}
	if dryRun {
		query.Set("dry_run", "true")
	}
	body := readFunc(func(p []byte) (int, error) {
		n, err := file.Read(p)
		still.Reset(uploadPatience)
		came(n)
		return n, err
	})
	var done host.Uploaded
	req, err := c.Request(ctx, http.MethodPost, body, query, "extensions")
	if err != nil {
		return done, err
	}
	req.ContentLength = file.size
	req.Header.Set("Content-Type", "application/java-archive")
	req.Header.Set("Expect", "100-continue")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	err = c.Answer(what, req, &done)
	if err != nil && errors.Is(context.Cause(ctx), errStill) {
		err = output.Errorf("'jackfield ext list' shows whether it has arrived", "%s: %s has not answered, and nothing has moved, for %s", what, req.URL.Host, uploadPatience)
	}
	return done, err
}

// jobEvery is how often a person sees how far an installation is.
const jobEvery = 300 * time.Millisecond

// showJob shows, while somebody waits, how far a job is. stop ends that.
func (c *client) showJob(ctx context.Context, name string, bar *output.Progress) (stop func()) {
	if !bar.Shown() || name == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(jobEvery)
		defer tick.Stop()
		for {
			var j host.Job
			if err := c.Ask(ctx, question{What: "looking at the job", Path: []string{"jobs", name}}, &j); err == nil {
				bar.Say(string(j.State))
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		looking.Wait()
		bar.End()
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
