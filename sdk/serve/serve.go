// Package serve runs an extension. An author calls Main, as the last line of main:
//
//	func main() { serve.Main(sdk.Handlers{sdk.Handle("my.Request", "my.Response", answer)}) }
//
// Describe returns the types that an extension declares, as Main reports them to the
// host and to the packer. Bind is for package sdktest.
package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/sdk"
)

// describeEnv asks for the describe mode when it is "1".
const describeEnv = "JACKFIELD_DESCRIBE"

// maxDescribe bounds the describe mode's input: a manifest has 64 KiB at most.
const maxDescribe = 1 << 20

// Main serves ext to the host that started this process, and returns when the host
// has had enough: main's deferred functions run, and the process ends.
//
// Main owns the process. Stdout and stderr lead into the extension's log, also for
// fmt.Print, the log package and slog's default logger, which Main sets to the
// extension's own. SIGINT and SIGTERM do nothing, because the host decides when its
// extensions end; when the host itself is gone, the process ends with exit code 3. A
// write that would make a file larger than limits.data fails (EFBIG).
//
// A set of handlers that can not work (a name twice, a name that is none, two raw
// handlers) ends the process with exit code 1 and says which.
//
// With JACKFIELD_DESCRIBE=1 in its environment, Main reads {"manifest": {…}} from
// stdin, names in lower case, prints the document of types.json to stdout and ends
// the process. Started by hand it says what this program is, and ends with 1.
func Main(ext sdk.Extension) {
	// First of all: what this process inherits is not for those that it starts.
	ends, err := wire.Inherit()
	if err != nil {
		fail(fmt.Errorf("taking over the lane from the host: %w", err))
	}
	// What Handlers prints is no part of an answer or of the handshake.
	stdout := os.Stdout
	os.Stdout = os.Stderr
	if os.Getenv(describeEnv) == "1" {
		if err := describeMode(ext, os.Stdin, stdout); err != nil {
			fail(err)
		}
		os.Exit(0)
	}
	if !wire.Started() {
		fail(errors.New("this program is an extension and runs inside of a host only\n" +
			"hint: pack it with \"jackfield bundle pack\" and put the bundle into the host's extensions folder"))
	}
	failLargeWrites()
	level := new(slog.LevelVar)
	log := slog.New(slogbridge.NewHandler(os.Stderr, level))
	slog.SetDefault(log)
	bound, err := Bind(ext, log, level)
	if err != nil {
		fail(err)
	}
	os.Stdout = stdout
	wire.Serve(named{bound}, log, ends)
}

// named names the process after the extension as soon as the host says its name: ps and
// top would show the number of the descriptor that the host has executed.
type named struct{ wire.Extension }

func (n named) Describe(ctx context.Context, manifest map[string]string) ([]sdk.Type, wire.Capabilities, error) {
	if name := manifest["extension_name"]; name != "" && runtime.GOOS == "linux" {
		const most = 15 // bytes that the kernel keeps
		name = strings.ToValidUTF8(name[:min(len(name), most)], "")
		_ = os.WriteFile("/proc/self/comm", []byte(name), 0) // nothing depends on it
	}
	return n.Extension.Describe(ctx, manifest)
}

// Unwrap returns what it was made of, for wire.
func (n named) Unwrap() wire.Extension { return n.Extension }

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// describeMode answers the packer.
func describeMode(ext sdk.Extension, in io.Reader, out io.Writer) error {
	manifest, err := readManifest(in)
	if err != nil {
		return fmt.Errorf("describe: reading the manifest from stdin: %w", err)
	}
	types, err := Describe(ext, manifest)
	if err != nil {
		return err
	}
	if types == nil {
		types = []sdk.Type{}
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(sdk.Types{Types: types})
}

// readManifest reads {"manifest": {…}} and nothing after it.
func readManifest(in io.Reader) (map[string]string, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxDescribe+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxDescribe {
		return nil, fmt.Errorf("more than %d bytes", maxDescribe)
	}
	var doc struct {
		Manifest map[string]string `json:"manifest"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	if doc.Manifest == nil {
		return nil, errors.New(`no member "manifest"`)
	}
	return doc.Manifest, nil
}
