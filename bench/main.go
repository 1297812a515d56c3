// Bench proves, or disproves, what is said of Jackfield's speed. Machines are shared
// and drift, so nothing here is a figure of one side alone: whatever is compared runs
// in processes of its own, slot by slot in turn, and what counts is the ratio of two
// slots of the same round, its median and its spread.
//
//	go run ./bench                    everything: tables, the claims, dist/bench.json
//	go run ./bench -short             every section answers, in some seconds
//	go run ./bench -only plane,mixed  these sections alone
//	go run ./bench -rounds 3 -slot 200ms -payload 1024 -callers 1,16
//
// It needs bin/jackfield and dist/bundles (make build), and the go command. The
// sections:
//
//	plane   host process and child process without HTTP: our wire, stock go-plugin
//	        gRPC and net/rpc, a bare socket
//	mixed   small requests beside bulk ones on the same plane
//	http    the real binary beside hosts made by hand (peer.go), opaque payloads
//	json    the same with payloads that are held to a schema
//	batch   many requests in one stream of /v1/batch beside one at a time
//	ws      the same over the WebSocket of /v1/connect
//	idle    memory of idle WebSockets, and requests beside them
//	spread  one extension beside a hundred
//	drop    from a file's rename to its first answer
//	verify  a signed bundle beside unzip -t
//	admin   the first page of the admin listener: how long it takes, what it weighs, and
//	        what it costs to keep it open in a browser; a scrape of all metrics
//
// Promised: every answer is checked (length, both ends); the variants of a plane get
// the same load from the same loop, with a deadline on every request; a slot in which
// strangers took more than a tenth of the machine is measured again while there is time
// for it (three minutes of a run), and if that is no better it is marked and its round
// counts only where there are fewer than three without. The
// exit code says whether everything was measured, not whether the claims hold: that is
// a column of their table.
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
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if role := os.Getenv(envRole); role != "" {
		exit(play(role))
		return
	}
	short := flag.Bool("short", false, "some seconds instead of minutes")
	only := flag.String("only", "", "sections to run, separated by commas")
	rounds := flag.Int("rounds", 0, "rounds of each comparison")
	slot := flag.Duration("slot", 0, "length of a slot of planes; those of hosts are longer in proportion")
	payloads := flag.String("payload", "", "sizes of payloads in bytes, separated by commas")
	callers := flag.String("callers", "", "numbers of callers, separated by commas")
	flag.Parse()
	p := fullPlan()
	if *short {
		p = shortPlan()
	}
	if *rounds > 0 {
		p.rounds = *rounds
	}
	if *slot > 0 {
		p.lengthen(*slot)
	}
	for _, list := range []struct {
		text string
		to   *[]int
	}{{*payloads, &p.payloads}, {*callers, &p.callers}} {
		if err := numbers(list.text, list.to); err != nil {
			exit(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, p, *only, *short))
}

// numbers reads a list of numbers, unless there is none.
func numbers(text string, to *[]int) error {
	if text == "" {
		return nil
	}
	*to = nil
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of payload bytes or callers", field)
		}
		*to = append(*to, n)
	}
	return nil
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// section measures one subject and adds what it finds to the report.
type section struct {
	name string
	run  func(ctx context.Context, p plan, e *environment, r *report) error
}

func sections() []section {
	return []section{
		{"plane", planeSection},
		{"mixed", mixedSection},
		{"http", httpSection},
		{"json", jsonSection},
		{"batch", batchSection},
		{"ws", webSocketSection},
		{"idle", idleSection},
		{"spread", spreadSection},
		{"drop", dropSection},
		{"verify", verifySection},
		{"admin", adminSection},
	}
}

// chosen returns the sections that only names, all when it is empty.
func chosen(only string) ([]section, error) {
	all := sections()
	if only == "" {
		return all, nil
	}
	names := strings.Split(only, ",")
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s section) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no section %q", name)
		}
	}
	return slices.DeleteFunc(all, func(s section) bool { return !slices.Contains(names, s.name) }), nil
}

// run measures the chosen sections. One that fails does not take the others with it.
func run(ctx context.Context, p plan, only string, short bool) error {
	list, err := chosen(only)
	if err != nil {
		return err
	}
	e, err := newEnvironment(ctx)
	if err != nil {
		return err
	}
	defer e.close()
	rep := newReport(p)
	var faults []error
	for _, s := range list {
		began := time.Now()
		if err := s.run(ctx, p, e, rep); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: %s took %s\n", s.name, time.Since(began).Round(100*time.Millisecond))
	}
	if !short {
		rep.Claims = judge(rep)
	}
	rep.print(os.Stdout)
	if !short {
		if err := rep.write(filepath.Join("dist", "bench.json")); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
