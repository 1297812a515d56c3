package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// row is one extension as the page shows it. Strings are as the host has them; the
// template makes them visible.
type row struct {
	ID, Name, Version        string
	Class, Request, Response string
	Claims                   string
	State, Kind              string // Kind is the color: ok, busy, warn, bad or off
	Next                     *moment
	Reason                   *trouble
	LastExit                 *trouble
	Candidate                *candidate
	PID                      int
	Memory                   string
	Started                  *moment
	Restarts                 int
	File, Digest             string
	Signature, SignatureCode string
	Signer, Organization     string
	Permissions              permissions
	Wanted                   *wanted // what waits for consent
	Sandbox                  []host.Protection
	Gaps                     int // protections that do not hold
}

// trouble is why something does not run, or how it last ended.
type trouble struct {
	Code, Stage, Message, Exit string
	Time                       *moment
	Stderr                     []string
}

type candidate struct {
	Version, State, Kind string
	Reason               *trouble
}

// moment is a time, for machines, for people, and as a distance from now.
type moment struct{ Machine, Human, Distance string }

func rowsOf(extensions []host.Extension, now time.Time) []row {
	rows := make([]row, 0, len(extensions))
	for _, e := range extensions {
		r := row{
			ID: e.ID, Name: e.Name, Version: e.Version,
			Class: e.Class, Request: e.Request, Response: e.Response, Claims: e.Claims,
			State: string(e.State), Kind: kindOf(string(e.State)), Next: at(e.NextTry, now),
			Reason: troubleOf(e.Reason, now),
			PID:    e.PID, Memory: bytesOf(e.ResidentBytes), Started: at(e.Started, now), Restarts: e.Restarts,
			File: e.File, Digest: shortDigest(e.Digest),
			Signature: e.Signature.State, SignatureCode: e.Signature.Code, Signer: e.Signature.Signer, Organization: e.Signature.Organization, Permissions: permissionsOf(e, now), Wanted: wantedOf(e.Consent), Sandbox: e.Sandbox,
		}
		for _, p := range e.Sandbox {
			if !p.Holds {
				r.Gaps++
			}
		}
		if r.Name == "" {
			r.Name = e.ID
		}
		if r.Signer == e.ID || r.Signer == e.Claims {
			r.Signer = "" // a certificate says for which extension it is: that is known here
		}
		if x := e.LastExit; x != nil && e.Reason == nil {
			r.LastExit = &trouble{Exit: exitOf(x.ExitCode, x.Signal), Time: at(&x.Time, now), Stderr: x.Stderr}
		}
		// What waits for consent is told by that.
		if c := e.Candidate; c != nil && (e.Consent == nil || e.Consent.Digest != c.Digest) {
			r.Candidate = &candidate{c.Version, string(c.State), kindOf(string(c.State)), troubleOf(c.Reason, now)}
		}
		rows = append(rows, r)
	}
	return rows
}

func troubleOf(r *host.Reason, now time.Time) *trouble {
	if r == nil {
		return nil
	}
	return &trouble{
		Code: r.Code, Stage: string(r.Stage), Message: r.Message, Exit: exitOf(r.ExitCode, r.Signal),
		Time: at(&r.Time, now), Stderr: r.Stderr,
	}
}

func kindOf(state string) string {
	switch state {
	case "running":
		return "ok"
	case "pending", "waiting", "starting", "draining":
		return "busy"
	case "backoff":
		return "warn"
	case "failed", "conflict", "refused":
		return "bad"
	}
	return "off"
}

// summary counts the states in words, those that need somebody first.
func summary(extensions []host.Extension) string {
	if len(extensions) == 0 {
		return "no extensions"
	}
	count := map[string]int{}
	for _, e := range extensions {
		count[string(e.State)]++
	}
	order := []string{"bad", "warn", "busy", "ok", "off"}
	states := make([]string, 0, len(count))
	for s := range count {
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b string) int {
		if d := slices.Index(order, kindOf(a)) - slices.Index(order, kindOf(b)); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, len(states))
	for i, s := range states {
		parts[i] = fmt.Sprintf("%d %s", count[s], s)
	}
	files := 0
	for _, e := range extensions {
		if e.ID == e.File { // a file that is no extension (yet)
			files++
		}
	}
	text := counted(len(extensions)-files, "extension")
	if files > 0 {
		text += ", " + counted(files, "other file")
	}
	return text + ": " + strings.Join(parts, ", ")
}

func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func exitOf(code *int, signal string) string {
	switch {
	case signal != "":
		return "signal " + signal
	case code != nil:
		return fmt.Sprintf("exit code %d", *code)
	}
	return ""
}

func at(t *time.Time, now time.Time) *moment {
	if t == nil || t.IsZero() {
		return nil
	}
	utc := t.UTC()
	human := utc.Format("2006-01-02 15:04:05 MST")
	if utc.Format(time.DateOnly) == now.UTC().Format(time.DateOnly) {
		human = utc.Format("15:04:05 MST")
	}
	m := &moment{Machine: utc.Format(time.RFC3339), Human: human}
	if d := now.Sub(*t); d >= 0 {
		m.Distance = about(d) + " ago"
	} else {
		m.Distance = "in " + about(-d)
	}
	return m
}

// about says a duration in its largest unit, rounded to the nearest.
func about(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d.Round(time.Hour)/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func bytesOf(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// shortDigest keeps enough of a digest to tell two bundles apart by eye.
func shortDigest(digest string) string {
	hex, ok := strings.CutPrefix(digest, "sha256:")
	if ok && len(hex) > 12 {
		return hex[:12]
	}
	return digest
}
