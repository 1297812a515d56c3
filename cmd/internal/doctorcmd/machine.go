package doctorcmd

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
)

// checkKernel says what of an extension's confinement this machine can give.
func (e *exam) checkKernel(context.Context) {
	if e.about == nil {
		if e.here() {
			e.probeKernel()
		}
		return
	}
	m := e.about.Machine
	if m.Untried != "" {
		e.add("kernel", Warn, "what the sandbox can do here is not known: "+m.Untried, "see docs/sandbox.md")
	}
	for _, p := range m.Sandbox {
		if p.Holds {
			e.addAbout("kernel", OK, p.Name, "it holds: "+p.Why, "")
		} else {
			e.addAbout("kernel", Note, p.Name, "it does not hold: "+p.Why, "docs/sandbox.md says what each protection needs")
		}
	}
	for _, name := range []string{"memory", "processes"} {
		switch by := m.LimitsBy[name]; by {
		case "cgroup", "rlimit":
			e.addAbout("kernel", OK, "limits."+name, "it is held by "+by, "")
		default:
			e.addAbout("kernel", Note, "limits."+name, "it is held by "+by+": an extension can pass it for a moment",
				"give the host a cgroup v2 of its own (Delegate=yes in its systemd unit)")
		}
	}
}

// fewFiles is below how many open files a host with many connections runs into its limit.
const fewFiles = 4096

// checkLimits looks at what the host may use.
func (e *exam) checkLimits(context.Context) {
	files := openFiles()
	who := "a host that is started from this shell"
	if e.about != nil {
		files, who = e.about.Machine.OpenFiles, "the host"
	} else if !e.here() {
		return
	}
	text := fmt.Sprintf("%s may have %d open files", who, files)
	switch {
	case files == 0:
	case files < fewFiles:
		e.addAbout("limits", Warn, "open files", text+": connections are refused when they are used up", "raise it, with LimitNOFILE= in the systemd unit or 'ulimit -n'")
	default:
		e.addAbout("limits", OK, "open files", text, "")
	}
}

const (
	// skew is by how much two clocks may differ before it is worth a word.
	skew = 30 * time.Second
	// buildYear is before which no host of this version was started.
	buildYear = 2026
)

// checkClock compares the clock with what else knows the time.
func (e *exam) checkClock(ctx context.Context) {
	mend := "see whether this machine keeps its time (timedatectl), and start the host again when it is right"
	if e.now.Year() < buildYear {
		e.add("clock", Fail, "it is before "+fmt.Sprint(buildYear)+" here: "+e.now.Format(time.RFC3339), mend)
		return
	}
	wrong := false
	if e.here() {
		path, newest := newestOf(string(e.home))
		if ahead := newest.Sub(e.now); ahead > skew {
			wrong = true
			e.addAbout("clock", Warn, path, fmt.Sprintf("it was written %s from now: this clock has gone back, or that of its file system is ahead", ahead.Round(time.Second)), mend)
		}
	}
	if e.client != nil {
		before := time.Now()
		_, date, err := e.look(ctx, hostclient.At(e.client.Admin, "healthz"))
		if err == nil && !date.IsZero() {
			if d := date.Sub(before).Abs(); d > skew {
				wrong = true
				e.addAbout("clock", Warn, e.client.Admin.Host, fmt.Sprintf("the clock of the host differs by %s from the one here", d.Round(time.Second)), mend)
			}
		}
	}
	if !wrong {
		e.add("clock", OK, "it agrees with what else tells the time here", "")
	}
}

// newestOf is the file among those that the host writes often that is the newest.
func newestOf(home string) (path string, at time.Time) {
	for _, dir := range []string{"data", "data/backups", "run", "log/extensions", "extensions"} {
		entries, err := os.ReadDir(filepath.Join(home, dir))
		if err != nil {
			continue
		}
		for _, entry := range entries {
			info, err := entry.Info()
			if err == nil && info.Mode()&fs.ModeSymlink == 0 && info.ModTime().After(at) {
				path, at = filepath.Join(home, dir, entry.Name()), info.ModTime()
			}
		}
	}
	return path, at
}
