// Chaos keeps a real host under constant load while everything goes wrong, and checks
// after every step that nothing was lost.
//
//	go run ./bench/chaos                         ten minutes
//	go run ./bench/chaos -for 20m                more of everything
//	go run ./bench/chaos -short                  what make test runs, under two minutes
//	go run ./bench/chaos -long                   the full counts, the better part of an hour
//	go run ./bench/chaos -seed 7 -only host-kills  one scenario once more, with the same choices
//
// It drives bin/jackfield from outside: the drop folder, the request API, the admin
// API, signals, and what /proc shows. It ends with a table, the same in
// dist/chaos.json, and exit code 1 when a line does not hold; then the folder with the
// homes and the logs stays. As root it also mounts tmpfs file systems and runs a host
// as an ordinary user.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		stop()
		os.Exit(1)
	}
}

// program is what all scenarios share.
type program struct {
	plan   plan
	only   []string
	binary string // our copy: a build meanwhile changes nothing
	dir    string
	help   string
	kit    *kit
	keep   bool
	report *report
}

func run(ctx context.Context) error {
	var (
		seed    = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the choices")
		length  = flag.Duration("for", 10*time.Minute, "about how long to go on; counts are in proportion")
		isShort = flag.Bool("short", false, "a little of everything, under two minutes")
		isLong  = flag.Bool("long", false, "the full counts, whatever time they take")
		only    = flag.String("only", "", "names of scenarios, separated by commas")
		binary  = flag.String("binary", "bin/jackfield", "the host")
		keep    = flag.Bool("keep", false, "keep the homes and logs, also when everything holds")
	)
	flag.Parse()
	p := &program{keep: *keep, plan: inTime(*length), report: &report{Seed: *seed, Host: *binary, Began: time.Now(), Notes: []string{}, Figures: []figure{}}}
	switch {
	case *isShort && *isLong || flag.NArg() > 0:
		return errors.New("what to do is -short, -long or -for, and nothing else stands on the command line")
	case *isShort:
		p.plan = short()
	case *isLong:
		p.plan = long()
	}
	p.report.Mode = p.plan.mode
	if *only != "" {
		p.only = strings.Split(*only, ",")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.plan.bound(*length), errors.New("the whole run has taken far too long"))
	defer cancel()
	if err := p.prepare(ctx, *binary); err != nil {
		return errors.Join(err, os.RemoveAll(p.dir))
	}
	fmt.Printf("chaos %s, seed %d, in %s\n", p.plan.mode, *seed, p.dir)
	if err := p.playAll(ctx); err != nil {
		return err
	}
	err := p.conclude()
	if err == nil && !p.keep {
		return os.RemoveAll(p.dir)
	}
	fmt.Printf("homes and logs: %s\n", p.dir)
	return err
}

// prepare makes the folder, our copy of the host, and the extension.
func (p *program) prepare(ctx context.Context, binary string) error {
	for _, name := range p.only {
		if !slices.ContainsFunc(scenarios(), func(s scenario) bool { return s.name == name }) {
			var names []string
			for _, s := range scenarios() {
				names = append(names, s.name)
			}
			return fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	dir, err := os.MkdirTemp("", "jackfield-chaos-")
	if err != nil {
		return err
	}
	p.dir, p.binary = dir, filepath.Join(dir, "jackfield")
	if err := os.Chmod(dir, 0o755); err != nil { // an ordinary user's host lives there, too
		return err
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("reading the host (make build makes it): %w", err)
	}
	if err := os.WriteFile(p.binary, data, 0o755); err != nil {
		return err
	}
	if p.help, err = helpOf(ctx, p.binary); err != nil {
		return err
	}
	p.kit, err = buildKit(ctx, dir)
	return err
}

// playAll plays the scenarios.
func (p *program) playAll(ctx context.Context) error {
	var group []scenario
	for _, sc := range scenarios() {
		if p.only != nil && !slices.Contains(p.only, sc.name) {
			continue
		}
		if len(group) > 0 && !(sc.beside && group[0].beside) {
			if err := p.playTogether(ctx, group); err != nil {
				return err
			}
			group = nil
		}
		group = append(group, sc)
	}
	err := p.playTogether(ctx, group)
	p.report.Seconds = time.Since(p.report.Began).Seconds()
	p.report.sort()
	return err
}

func (p *program) playTogether(ctx context.Context, group []scenario) error {
	errs := make([]error, len(group))
	var wg sync.WaitGroup
	for i, sc := range group {
		wg.Go(func() { errs[i] = p.play(ctx, sc) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// play plays one scenario. That it can not be played to its end is a line that does
// not hold; the others are played all the same, unless the time is over.
func (p *program) play(ctx context.Context, sc scenario) error {
	if ctx.Err() != nil {
		return nil // the one that was under way has told
	}
	s, err := newStage(p, sc.name)
	if err != nil {
		return err
	}
	began, loaded := time.Now(), loadAverage()
	if err := sc.play(ctx, s); err != nil {
		s.figure("played to its end", err.Error(), "yes", false)
	}
	s.end()
	s.note("%s took %.1f s; load average before %s, after %s", sc.name, time.Since(began).Seconds(), loaded, loadAverage())
	if len(p.report.broken(sc.name)) > 0 || p.keep { // somebody will want to look
		return nil
	}
	return os.RemoveAll(s.dir)
}

// loadAverage is of the last minute: figures of a machine with others to serve are
// theirs, too.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// conclude prints and writes the table, and says how to see the same again.
func (p *program) conclude() error {
	if err := p.report.print(os.Stdout); err != nil {
		return err
	}
	if err := p.report.write("dist/chaos.json"); err != nil {
		return err
	}
	broken := p.report.broken("")
	if len(broken) == 0 {
		return nil
	}
	var names []string
	for _, f := range broken {
		if !slices.Contains(names, f.Scenario) {
			names = append(names, f.Scenario)
		}
	}
	flags := "-for " + p.plan.mode
	if p.plan.mode == "short" || p.plan.mode == "long" {
		flags = "-" + p.plan.mode
	}
	return fmt.Errorf("%d lines do not hold\nhint: go run ./bench/chaos %s -seed %d -only %s", len(broken), flags, p.report.Seed, strings.Join(names, ","))
}
