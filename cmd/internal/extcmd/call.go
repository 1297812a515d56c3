package extcmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// maxOnTerminal bounds the answer that is shown to a person. A file takes any size.
const maxOnTerminal = 1 << 20

// grace is how much longer than the request's own time the client waits.
const grace = 5 * time.Second

func newCall(t *target) *cobra.Command {
	var timeout time.Duration
	var mediaType string
	cmd := &cobra.Command{
		Use:   "call TYPE [JSON|@FILE|-]",
		Short: "send a request, print the payload of the answer",
		Long: `Call sends one request of the type TYPE and prints the payload of the answer, byte
for byte unless it goes to a terminal. The payload is the second argument, the content
of a file (@FILE) or of the standard input (-); without any it is {}. It is sent as
application/json unless --content-type says otherwise.`,
		Example: `  jackfield ext call examples.hello.HelloRequest '{"name": "Ada"}'
  jackfield ext call examples.echo.EchoRequest @picture.png --content-type image/png > copy.png`,
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0:
				return t.completeTypes(cmd), cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1 && strings.HasPrefix(toComplete, "@"):
				return completeFiles(toComplete), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&timeout, "timeout", 30*time.Second, "how long the answer may take; the host allows at most timeouts.request")
	flags.StringVar(&mediaType, "content-type", "application/json", "media type of the payload")
	flags.StringVar(&t.Requests, "requests", "", "URL of the request listener, where the host's own word for it does not lead there (JACKFIELD_REQUESTS)")
	// Both formats print what the extension answered: it is data already.
	output.AddFlag(cmd)

	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if timeout <= 0 {
			return output.Usagef("write --timeout 5s, for example", "--timeout must be positive")
		}
		arg := "{}"
		if len(args) == 2 {
			arg = args[1]
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		if c.Requests == nil {
			if _, err := c.list(cmd.Context()); err != nil { // its answer says where requests go
				return err
			}
		}
		if c.Requests == nil {
			return output.Usagef("pass --requests http://HOST:PORT, or JACKFIELD_REQUESTS", "with --host the address of the request listener must be given too")
		}
		payload, err := openPayload(arg, cmd.InOrStdin())
		if err != nil {
			return err
		}
		defer payload.Close()
		return c.call(cmd.Context(), request{args[0], mediaType, payload, timeout}, cmd.OutOrStdout())
	}
	return cmd
}

// openPayload opens what the second argument means.
func openPayload(arg string, stdin io.Reader) (io.ReadCloser, error) {
	switch name, isFile := strings.CutPrefix(arg, "@"); {
	case arg == "-":
		return io.NopCloser(stdin), nil
	case isFile:
		f, err := os.Open(name)
		if err != nil {
			return nil, output.Errorf("", "reading the payload: %w", err)
		}
		return f, nil
	}
	return io.NopCloser(strings.NewReader(arg)), nil
}

type request struct {
	kind, mediaType string
	payload         io.Reader
	timeout         time.Duration
}

// call sends one request and prints the answer.
func (c *client) call(ctx context.Context, r request, out io.Writer) error {
	what := "calling " + oneLine(r.kind)
	ctx, cancel := context.WithTimeout(ctx, r.timeout+grace)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hostclient.At(c.Requests, "v1", "requests", r.kind), r.payload)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", r.mediaType)
	req.Header.Set("Request-Timeout", strconv.FormatFloat(r.timeout.Seconds(), 'f', -1, 64))
	if c.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.Bearer)
	}
	resp, err := c.HTTP.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return output.Errorf("allow more time with --timeout", "%s: no answer within %s", what, r.timeout)
	}
	if err != nil {
		return hostclient.Unreachable(what, req.URL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return hostclient.Refusal(what, resp)
	}
	if err := printPayload(out, resp.Body); err != nil {
		return fmt.Errorf("%s: reading the answer: %w", what, err)
	}
	return nil
}

// printPayload copies the answer. On a terminal nothing in it can steer the terminal,
// and the prompt gets a line of its own.
func printPayload(out io.Writer, body io.Reader) error {
	if f, ok := out.(*os.File); !ok || !isatty.IsTerminal(f.Fd()) {
		_, err := io.Copy(out, body)
		return err
	}
	data, err := io.ReadAll(io.LimitReader(body, maxOnTerminal+1))
	if err != nil {
		return err
	}
	if len(data) > maxOnTerminal {
		return errors.New("it is too large for a terminal; send it to a file with >")
	}
	text := visible.Lines(string(bytes.TrimSuffix(data, []byte("\n"))))
	_, err = io.WriteString(out, text+"\n")
	return err
}

// oneLine makes text from a server fit for an error message.
func oneLine(s string) string { return visible.Clip(s, 1000) }

// completeFiles completes @FILE.
func completeFiles(begun string) []string {
	const most = 200
	dir, part := filepath.Split(strings.TrimPrefix(begun, "@"))
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), part) || len(found) == most {
			continue
		}
		name := "@" + dir + e.Name()
		if e.IsDir() {
			name += "/"
		}
		found = append(found, oneLine(name))
	}
	return found
}
