package bundlecmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// describeEnv asks an executable for its describe mode (sdk/serve).
	describeEnv     = "JACKFIELD_DESCRIBE=1"
	describeTimeout = 20 * time.Second // of a machine that is busy building
	maxDescription  = 4 << 20          // of types.json
)

// addTypes packs types.json: the folder's own, or what this machine's build reports.
func (b *builder) addTypes(ctx context.Context) error {
	if slices.ContainsFunc(b.sources, func(s bundle.Source) bool { return s.Name == bundle.TypesName }) {
		return nil
	}
	if _, ready := b.files[thisMachine()]; !ready && !b.hasGo {
		return output.Errorf("pack it on such a machine, or write the types into "+bundle.TypesName+`; {"types": []} declares none`,
			"the types are not known: there is no executable for %s to ask", thisMachine())
	}
	file, err := b.executable(ctx, thisMachine())
	if err != nil {
		return err
	}
	types, err := b.describe(ctx, file)
	if err != nil {
		return err
	}
	if len(types) == 0 {
		return nil // a bundle without types.json accepts exactly its base type
	}
	data, err := json.MarshalIndent(sdk.Types{Types: types}, "", "  ")
	if err != nil {
		return err
	}
	b.sources = append(b.sources, bundle.BytesSource(bundle.TypesName, append(data, '\n')))
	return nil
}

// describe runs an executable in its describe mode: with a clean environment, in an
// empty folder, for a limited time.
func (b *builder) describe(ctx context.Context, file string) ([]sdk.Type, error) {
	dir := filepath.Join(b.work, "describe")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	// A copy: what was unpacked from a JAR, or downloaded, may not be executable.
	program := filepath.Join(b.work, "extension")
	if err := copyExecutable(program, file); err != nil {
		return nil, fmt.Errorf("asking %s for its types: %w", file, err)
	}
	stdin, err := json.Marshal(map[string]any{"manifest": b.manifest.Attributes})
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, program)
	cmd.Dir = dir
	cmd.Env = []string{describeEnv, "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.WaitDelay = time.Second // for a grandchild that holds the pipes
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &capped{&stdout, maxDescription + 1}, &capped{&stderr, maxBuildOutput}
	err = cmd.Run()
	const hint = "an extension ends with serve.Main, which answers this; for another kind of program write " + bundle.TypesName + ` yourself ({"types": []} declares none)`
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, output.Errorf(hint, "asking %s for its types: no answer within %v", file, b.timeout)
	case err != nil:
		return nil, output.Errorf(hint, "asking %s for its types: %w%s", file, err, indented(stderr.String()))
	case stdout.Len() > maxDescription:
		return nil, output.Errorf(hint, "asking %s for its types: the answer has more than %d bytes", file, maxDescription)
	}
	types, err := bundle.ParseTypes(stdout.Bytes(), b.manifest)
	if err != nil {
		var fault *bundle.Error
		if errors.As(err, &fault) {
			err = errors.New(fault.Message)
		}
		fit := "the names in sdk.Handle and in the manifest must fit together"
		if !json.Valid(stdout.Bytes()) {
			fit = "stdout must hold nothing but the types; what does the program print there before serve.Main?"
		}
		return nil, output.Errorf(fit, "the types that %s reports: %w", file, err)
	}
	return types, nil
}

func copyExecutable(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// indented puts what a program printed on lines of its own.
func indented(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return fmt.Sprintf("\n%s", text)
}
