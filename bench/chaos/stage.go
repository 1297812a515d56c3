package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

// ordinaryUser is who a host runs as that is not root.
const ordinaryUser = 65534

// scenario is one kind of fault.
type scenario struct {
	name string
	play func(ctx context.Context, s *stage) error
	// beside says that it mostly waits, and measures no time that others could spoil:
	// it is played at once with those of its kind that stand next to it.
	beside bool
}

// scenarios are all, in the order in which they run.
func scenarios() []scenario {
	return []scenario{
		{"upgrades", upgrades, false},
		{"bad-upgrades", badUpgrades, false},
		{"child-kills", childKills, false},
		{"host-kills", hostKills, false},
		{"backups", backups, false},
		{"sigstop", sigstop, true},
		{"copies", copies, true},
		{"lost-folder", lostFolder, true},
		{"full-disk", fullDisk, true},
		{"rough", rough, true},
		{"plans", plans, true},
		{"redeploys", redeploys, false},
		{"neighbours", neighbours, false},
		{"hundred", hundred, false},
	}
}

// stage is what a scenario has to play with.
type stage struct {
	name   string
	plan   plan
	rng    *rand.Rand // the same for the same seed and scenario, whatever runs beside
	kit    *kit
	binary string
	dir    string // its own
	help   string // what 'serve --help' prints
	report *report
	hosts  []*host
	mounts []string
}

// newStage makes the stage of one scenario.
func newStage(p *program, name string) (*stage, error) {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	s := &stage{
		name: name, plan: p.plan, rng: rand.New(rand.NewPCG(p.report.Seed, hash.Sum64())), kit: p.kit,
		binary: p.binary, dir: filepath.Join(p.dir, name), help: p.help, report: p.report,
	}
	return s, os.Mkdir(s.dir, 0o755)
}

// figure adds a line to the table. A line that is added again stays one: the first
// that does not hold, else the last.
func (s *stage) figure(what, measured, must string, holds bool) {
	s.report.add(figure{s.name, what, measured, must, holds})
	if !holds {
		fmt.Fprintf(os.Stderr, "chaos: %s: %s: %s, must be %s\n", s.name, what, measured, must)
	}
}

// timed is figure for a time or a rate. A machine that is shared with others does not
// hold these: the short run, which is a test, only reports them.
func (s *stage) timed(what, measured, must string, holds bool) {
	if s.plan.mode == shortMode {
		must, holds = must+", reported", true
	}
	s.figure(what, measured, must, holds)
}

// note adds a remark below the table, once.
func (s *stage) note(format string, args ...any) {
	s.report.note(fmt.Sprintf(format, args...))
}

// host furnishes a home. The host is not started. It is stopped when the scenario
// ends.
func (s *stage) host(name string, set settings) (*host, error) {
	return s.hostOf(name, set, 0)
}

func (s *stage) hostOf(name string, set settings, uid int) (*host, error) {
	known := settings{}
	for key, value := range set {
		bare := key
		if strings.HasPrefix(key, "extension.") {
			if _, rest, ok := strings.Cut(key, ".Extension."); ok {
				bare = rest
			}
		}
		if !strings.Contains(s.help, "--"+strings.NewReplacer(".", "-", "_", "-").Replace(bare)) {
			s.note("this host has no key %s; it runs without", bare)
			continue
		}
		known[key] = value
	}
	h := &host{
		binary: s.binary, uid: uid, set: known, home: filepath.Join(s.dir, name), temp: filepath.Join(s.dir, name+".tmp"), log: filepath.Join(s.dir, name+".log"),
	}
	s.hosts = append(s.hosts, h)
	return h, h.furnish()
}

// startWith puts bundles into the drop folder of a home, starts its host and waits
// until all of them run.
func (s *stage) startWith(ctx context.Context, h *host, parcels ...parcel) error {
	for _, p := range parcels {
		if err := h.put(p.file(), s.kit.pack(p)); err != nil {
			return err
		}
	}
	if err := h.start(ctx); err != nil {
		return err
	}
	for _, p := range parcels {
		if _, err := h.awaitVersion(ctx, p.name, p.version); err != nil {
			return err
		}
	}
	return nil
}

// end stops what runs and looks whether anything is left.
func (s *stage) end() {
	for _, h := range s.hosts {
		if h.running() {
			if err := h.stop(); err != nil {
				s.figure("the host ends when asked", err.Error(), "exit 0", false)
			}
		}
		h.kill()
		if left := h.orphans(); len(left) > 0 {
			s.figure("nothing runs when the host has ended", fmt.Sprintf("%d processes after 1 s", len(left)), "0", false)
		}
	}
	for _, at := range s.mounts {
		_ = syscall.Unmount(at, syscall.MNT_DETACH)
	}
}

// mount mounts an empty tmpfs until the scenario ends.
func (s *stage) mount(at, size string) error {
	if err := syscall.Mount("chaos", at, "tmpfs", 0, "mode=0755,size="+size); err != nil {
		return fmt.Errorf("mounting a tmpfs on %s (it takes root): %w", at, err)
	}
	s.mounts = append(s.mounts, at)
	return nil
}

// version is the n-th version of a scenario's extension.
func version(n int) string { return fmt.Sprintf("1.0.%d", n) }

// good is a version without a fault.
func good(name string, n int, overlap bool) parcel {
	return parcel{name: name, version: version(n), overlap: overlap, behaviour: behaviour.Behaviour{WriteData: !overlap}}
}

// helpOf is what the host says of its flags.
func helpOf(ctx context.Context, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, "serve", "--help").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s serve --help: %w", binary, err)
	}
	return string(out), nil
}
