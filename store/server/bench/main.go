// Bench measures what is said of a store's catalogue: memory, how long it takes to start, how
// soon a change is current, how fast pages, listings and searches come, what the face for
// Mattermost takes to be ready, and how many reads a second it gives beside a plain handler
// that asks the database each time.
//
//	go run ./store/server/bench                  100 000 listings of 10 releases on SQLite, dist/store-bench.json
//	go run ./store/server/bench -postgres        the same on a PostgreSQL that is started for it, as in tests; dist/store-bench-postgres.json
//	go run ./store/server/bench -database URL    the same in a database of a PostgreSQL that is there, postgres://…; filled unless it is already
//	go run ./store/server/bench -short           2 000 listings, in seconds
//	go run ./store/server/bench -listings 20000  so many
//	go run ./store/server/bench -keep DIR        leaves the filled file of SQLite, or takes the one there
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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
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
	Database           string // where it is
	Above              int    // the process above those of a PostgreSQL that was started, else 0
}

func (p plan) postgres() bool { return strings.Contains(p.Database, "://") }

func main() {
	short := flag.Bool("short", false, "2 000 listings, in seconds; no bounds")
	keep := flag.String("keep", "", "folder for the filled database, which stays")
	location := flag.String("database", "", "postgres://… of a database that is empty, or that a run before has filled")
	postgres := flag.Bool("postgres", false, "start a PostgreSQL for it")
	listings := flag.Int("listings", 0, "how many, instead of 100 000 or 2 000")
	role := flag.String("role", "", "of a process that this one starts")
	flag.Parse()
	p := plan{Listings: 100_000, Releases: 10, Rounds: 9, Slot: time.Second, Requests: 5_000, Changes: 40}
	if *short {
		p = plan{Listings: 2_000, Releases: 10, Rounds: 3, Slot: 100 * time.Millisecond, Requests: 300, Changes: 5}
	}
	if *listings > 0 {
		p.Listings = *listings
	}
	p.Database = *location
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *role != "":
		err = readPlan(*role, &p)
		if err == nil {
			err = measure(ctx, p)
		}
	case *postgres:
		err = withPostgres(func(url string, above int) error {
			p.Database, p.Above = url, above
			return run(ctx, p, *keep, *short)
		})
	default:
		err = run(ctx, p, *keep, *short)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "store bench:", err)
		os.Exit(1)
	}
}

func readPlan(text string, p *plan) error { return json.Unmarshal([]byte(text), p) }

// withPostgres has a database in a PostgreSQL that ends with it.
func withPostgres(do func(url string, above int) error) error {
	url, above, stop, err := backends.StartPostgres()
	if err != nil {
		return err
	}
	return errors.Join(do(url, above), stop())
}

// run fills a database, has it measured by a process of its own, and judges.
func run(ctx context.Context, p plan, keep string, short bool) (err error) {
	p.Dir = keep
	if keep == "" {
		if p.Dir, err = os.MkdirTemp("", "store-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.Dir)) }()
	}
	name := "dist/store-bench.json"
	if p.Database == "" {
		p.Database = filepath.Join(p.Dir, "store.db")
	}
	if p.postgres() {
		name = "dist/store-bench-postgres.json"
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
	return errors.Join(os.WriteFile(name, out, 0o644), figures.judge(os.Stdout))
}

// fill makes the database, unless a run before has left one.
func fill(ctx context.Context, p plan) (err error) {
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return err
	}
	db, err := database.Open(ctx, p.Database, database.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if sequence, err := db.Sequence(ctx); err != nil || sequence >= int64(p.Listings) {
		return err
	} else if sequence > 0 {
		return fmt.Errorf("the database has %d changes already, and no %d listings: take an empty one", sequence, p.Listings)
	}
	began := time.Now()
	if err := backends.Fill(ctx, db, p.Listings, p.Releases); err != nil {
		return err
	}
	fmt.Printf("filled with %d listings of %d releases in %.1f s\n", p.Listings, p.Releases, time.Since(began).Seconds())
	return nil
}
