// Bench measures what is said of a store's catalogue, on SQLite: memory, how long it takes to
// start, how soon a change is current, how fast pages, listings and searches come, and how
// many reads a second it gives beside a plain handler that asks the database each time.
//
//	go run ./store/server/bench                100 000 listings of 10 releases, dist/store-bench.json
//	go run ./store/server/bench -short         2 000 listings, in seconds
//	go run ./store/server/bench -keep DIR      leaves the filled database, or takes the one there
//
// The database is filled by one process and read by another one, whose memory is all that
// counts. The two sides of a comparison run slot by slot in turn; what counts is the median
// ratio of the rounds. Every answer is checked. It ends with 1 when a bound does not hold;
// -short only looks whether all of it answers.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

type plan struct {
	Listings, Releases int
	Rounds             int
	Slot               time.Duration
	Requests           int // of each kind whose times are taken
	Changes            int
	Dir                string
}

func main() {
	short := flag.Bool("short", false, "2 000 listings, in seconds; no bounds")
	keep := flag.String("keep", "", "folder for the filled database, which stays")
	role := flag.String("role", "", "of a process that this one starts")
	flag.Parse()
	p := plan{Listings: 100_000, Releases: 10, Rounds: 9, Slot: time.Second, Requests: 5_000, Changes: 40}
	if *short {
		p = plan{Listings: 2_000, Releases: 10, Rounds: 3, Slot: 100 * time.Millisecond, Requests: 300, Changes: 5}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *role != "":
		err = readPlan(*role, &p)
		if err == nil {
			err = measure(ctx, p)
		}
	default:
		err = run(ctx, p, *keep, *short)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "store bench:", err)
		os.Exit(1)
	}
}

func readPlan(text string, p *plan) error { return json.Unmarshal([]byte(text), p) }

// run fills a database, has it measured by a process of its own, and judges.
func run(ctx context.Context, p plan, keep string, short bool) (err error) {
	p.Dir = keep
	if keep == "" {
		if p.Dir, err = os.MkdirTemp("", "store-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.Dir)) }()
	}
	if err := fill(ctx, p); err != nil {
		return err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-role", string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("the process that measures: %w", err)
	}
	var figures figures
	if err := json.Unmarshal(out, &figures); err != nil {
		return err
	}
	figures.print(os.Stdout)
	if short {
		return nil
	}
	if err := os.MkdirAll("dist", 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile("dist/store-bench.json", out, 0o644), figures.judge(os.Stdout))
}

// fill makes the database, unless a run before has left one.
func fill(ctx context.Context, p plan) error {
	file := filepath.Join(p.Dir, "store.db")
	if _, err := os.Stat(file); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return err
	}
	began := time.Now()
	db, err := database.Open(ctx, file, database.Options{})
	if err != nil {
		return err
	}
	err = errors.Join(backends.Fill(ctx, db, p.Listings, p.Releases), db.Close())
	fmt.Printf("filled with %d listings of %d releases in %.1f s\n", p.Listings, p.Releases, time.Since(began).Seconds())
	if err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}
