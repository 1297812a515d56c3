package packaging_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// instruction is a line of the recipe, continued lines joined.
type instruction struct{ name, rest string }

// recipe reads the stages of the Containerfile.
func recipe(t *testing.T) [][]instruction {
	t.Helper()
	text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(read(t, "Containerfile")), "")
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, " ")
	var stages [][]instruction
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		if !slices.Contains([]string{"FROM", "WORKDIR", "COPY", "RUN", "ARG", "ENV", "VOLUME", "EXPOSE", "USER", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"}, name) {
			t.Errorf("%s is no instruction that this recipe needs", name)
		}
		if name == "FROM" {
			stages = append(stages, nil)
		}
		if len(stages) == 0 {
			t.Fatalf("%s stands before FROM", name)
		}
		last := len(stages) - 1
		stages[last] = append(stages[last], instruction{name, rest})
	}
	return stages
}

// only returns what the stage says once under name.
func only(t *testing.T, stage []instruction, name string) string {
	t.Helper()
	var found []string
	for _, i := range stage {
		if i.name == name {
			found = append(found, i.rest)
		}
	}
	if len(found) != 1 {
		t.Fatalf("the image has %s %d times", name, len(found))
	}
	return found[0]
}

// words reads the form of a command that needs no shell.
func words(t *testing.T, text string) (list []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%s is no list of words: %v", text, err)
	}
	return list
}

// TestContainerfile reads the recipe, and runs what it makes: the files of its last stage,
// in a root of their own, as its user, with its variables; and asks for its health.
func TestContainerfile(t *testing.T) {
	stages := recipe(t)
	if len(stages) != 2 || only(t, stages[1], "FROM") != "scratch" {
		t.Fatalf("the recipe has %d stages, and the last is not from scratch", len(stages))
	}
	wanted := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindSubmatch(read(t, "../go.mod"))
	if from := only(t, stages[0], "FROM"); !strings.Contains(from, "golang:"+string(wanted[1])+"-") {
		t.Errorf("it is built with %s, and go.mod wants Go %s", from, wanted[1])
	}
	image := stages[1]
	if only(t, image, "USER") != "65532:65532" {
		t.Errorf("it runs as %s", only(t, image, "USER"))
	}
	home, ok := strings.CutPrefix(only(t, image, "ENV"), "JMAP_HOME=")
	if volumes := words(t, only(t, image, "VOLUME")); !ok || len(volumes) != 1 || volumes[0] != home {
		t.Errorf("the volumes are %v, and the home is %s", volumes, home)
	}
	_, check, ok := strings.Cut(only(t, image, "HEALTHCHECK"), "CMD ")
	if !ok {
		t.Fatal("the health is not checked by a command")
	}
	serve := append(words(t, only(t, image, "ENTRYPOINT")), words(t, only(t, image, "CMD"))...)

	root := t.TempDir()
	for _, i := range image {
		if i.name == "COPY" {
			copyInto(t, root, strings.Fields(i.rest))
		}
	}
	if os.Geteuid() != 0 {
		t.Log("not root: the image is not run")
		return
	}
	for _, err := range []error{os.Chmod(root, 0o755), os.Chown(filepath.Join(root, home), 65532, 65532), os.MkdirAll(filepath.Join(root, "proc"), 0o755), os.MkdirAll(filepath.Join(root, "dev"), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(args ...string) *exec.Cmd {
		mounts := `mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot --userspec=65532:65532 "$0" "$@"`
		cmd := exec.CommandContext(t.Context(), "unshare", append([]string{"--mount", "--propagation", "private", "bash", "-c", mounts, root}, args...)...)
		cmd.Env = []string{"JMAP_HOME=" + home, "JACKFIELD_LISTEN=127.0.0.1:0", "JACKFIELD_ADMIN_LISTEN=127.0.0.1:0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
		return cmd
	}
	host := in(serve...)
	var log strings.Builder
	host.Stderr = &log
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var out []byte
	err := error(os.ErrDeadlineExceeded)
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		out, err = in(words(t, check)...).CombinedOutput()
	}
	if err != nil {
		t.Errorf("it is not healthy: %v\n%s", err, out)
	}
	if err := host.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := host.Wait(); err != nil {
		t.Errorf("it ends with %v\n%s", err, log.String())
	}
}

// copyInto does what COPY does, with files of this machine for those of the first stage.
func copyInto(t *testing.T, root string, args []string) {
	t.Helper()
	var paths []string
	for _, arg := range args {
		if !strings.HasPrefix(arg, "--") {
			paths = append(paths, arg)
		}
	}
	if len(paths) != 2 || !slices.Contains(args, "--from=build") {
		t.Fatalf("COPY %v: one thing from the stage build is expected", args)
	}
	to := filepath.Join(root, paths[1])
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	switch paths[0] {
	case "/jackfield":
		cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "../cmd/jackfield")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	case "/home-of-jackfield":
		if err := os.Mkdir(to, 0o755); err != nil {
			t.Fatal(err)
		}
	default: // Debian's, as in the stage
		run(t, "cp", "-rL", paths[0], to)
	}
}
