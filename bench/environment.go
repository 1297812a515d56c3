package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// environment is what make build left, and what is made of it for a run.
type environment struct {
	dir     string // temporary
	echo    string // the executable of the echo example
	echoJAR []byte
}

func newEnvironment(context.Context) (*environment, error) {
	jars, err := filepath.Glob("dist/bundles/echo-*.jar")
	if err != nil || len(jars) != 1 {
		return nil, errors.New("dist/bundles/echo-*.jar is not there\nhint: run make build first, and this in the root of the repository")
	}
	e := &environment{}
	if e.echoJAR, err = os.ReadFile(jars[0]); err != nil {
		return nil, err
	}
	executable, err := readEntry(e.echoJAR, executableName())
	if err != nil {
		return nil, err
	}
	if e.dir, err = os.MkdirTemp("", "jackfield-bench-"); err != nil {
		return nil, err
	}
	e.echo = filepath.Join(e.dir, "echo")
	if err := os.WriteFile(e.echo, executable, 0o755); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *environment) close() { os.RemoveAll(e.dir) }

func executableName() string {
	return "bin/" + runtime.GOOS + "-" + runtime.GOARCH + "/extension"
}

// readEntry returns the data of one entry of a JAR.
func readEntry(jar []byte, name string) ([]byte, error) {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, err
	}
	f, err := archive.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// renamedEcho returns the echo example's bundle under other names. What was compressed
// stays as it is, so that a hundred of them take no time.
func (e *environment) renamedEcho(name string) ([]byte, error) {
	archive, err := zip.NewReader(bytes.NewReader(e.echoJAR), int64(len(e.echoJAR)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	manifest, err := w.Create("META-INF/MANIFEST.MF")
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(manifest, "Manifest-Version: 1.0\r\nextension_class: %[1]s.Class\r\nextension_request: %[1]s.Request\r\n"+
		"extension_response: %[1]s.Response\r\nextension_name: %[1]s\r\nextension_version: 1\r\nextension_upgrade: overlap\r\n", name)
	for _, f := range archive.File {
		if f.Name == executableName() {
			if err := w.Copy(f); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// orderJAR builds and packs the extension of the section json.
func (e *environment) orderJAR(ctx context.Context) ([]byte, error) {
	dir := filepath.Join(e.dir, "order")
	out := filepath.Join(e.dir, "order.jar")
	manifest, err := os.ReadFile("bench/order/extension/manifest.mf")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.mf"), manifest, 0o644); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w",
		"-o", filepath.Join(dir, executableName()), "./bench/order/extension")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, cmd := range []*exec.Cmd{build, exec.CommandContext(ctx, "bin/jackfield", "bundle", "pack", dir, "--out", out)} {
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
		}
	}
	return os.ReadFile(out)
}

// drop puts a bundle into a home as host.md asks: written under another name, then
// renamed.
func drop(home, name string, data []byte) error {
	dir := filepath.Join(home, "extensions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part := filepath.Join(dir, "."+name+".part")
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, name))
}
