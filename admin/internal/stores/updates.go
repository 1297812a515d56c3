package stores

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// mostChangelogs is how many changelogs the page of updates has, changelogPatience how
	// long it waits for all of them.
	mostChangelogs    = 30
	changelogPatience = 2 * time.Second
	// plansShown is how many plans the page of updates lists.
	plansShown = 20
)

// Updates is what is outdated, and what repositories say of what is installed.
type Updates struct {
	Findings []Finding
	Rows     []Outdated
	// Problem is why nobody knows what is outdated, nil if it is known.
	Problem *web.Problem
	Policy  Policy
	Plans   []Past
	// Configured is how many repositories there are.
	Configured int
	can
}

// Past is a plan with what it was about.
type Past struct {
	host.Plan
	Names []string // of what was asked for, none for everything
}

// Finding is what is said of an extension, with its name.
type Finding struct {
	host.Finding
	Name string
	// Review leads to an update, empty where there is none, or the reader may not install it.
	Review string
}

// Outdated is an extension with a higher version.
type Outdated struct {
	host.Outdated
	Name, Review string
	// Changelog is what its publisher says of the higher version.
	Changelog string
}

// Policy is how updates come by themselves.
type Policy struct{ Check, Auto, Window string }

func (d *Desk) policy() Policy {
	var p Policy
	for _, s := range d.cfg.Host.Settings() {
		switch s.Key {
		case "update.check":
			p.Check = s.Value
		case "update.auto":
			p.Auto = s.Value
		case "update.window":
			p.Window = s.Value
		}
	}
	return p
}

func (d *Desk) updates(w http.ResponseWriter, r *http.Request) error {
	view := Updates{Policy: d.policy(), Configured: len(d.cfg.Host.Repositories()), can: canOf(r)}
	web.Allow(http.NewResponseController(w), web.MaxWait)
	newer := map[string]bool{}
	if view.Configured > 0 {
		list, err := d.cfg.Host.Outdated(r.Context())
		if view.Problem = web.ProblemOf(err); err != nil && view.Problem == nil {
			return err
		}
		for _, o := range list {
			newer[o.ID] = true
			view.Rows = append(view.Rows, Outdated{Outdated: o, Name: d.nameOf(o.ID), Review: ReviewUpdate(o.ID)})
		}
		d.changelogs(r.Context(), view.Rows)
	}
	for _, f := range d.cfg.Host.Findings() {
		found := Finding{Finding: f, Name: d.nameOf(f.ID)}
		if newer[f.ID] && view.Install {
			found.Review = ReviewUpdate(f.ID)
		}
		view.Findings = append(view.Findings, found)
	}
	slices.SortStableFunc(view.Findings, func(a, b Finding) int { return urgency(a.Finding) - urgency(b.Finding) })
	plans := d.cfg.Host.Plans()
	for _, p := range plans[:min(len(plans), plansShown)] {
		past := Past{Plan: p}
		if len(p.Requested) > 0 {
			rows, kept := d.steps(p)
			past.Names = asked(p, append(rows, kept...))
		}
		view.Plans = append(view.Plans, past)
	}
	return d.cfg.Render(w, r, Page{Name: "updates", Updates: true, Data: view})
}

// urgency orders findings: what is revoked, then by the worst weakness, then the rest.
func urgency(f host.Finding) int {
	if f.Revoked != "" {
		return 0
	}
	worst := 9
	for _, a := range f.Advisories {
		if i := slices.Index([]string{"critical", "high", "medium", "low"}, a.Severity); i >= 0 {
			worst = min(worst, i+1)
		}
	}
	return worst
}

// changelogs fills in what can be known soon: a repository that does not answer holds the
// page no longer.
func (d *Desk) changelogs(ctx context.Context, rows []Outdated) {
	ctx, cancel := context.WithTimeout(ctx, changelogPatience)
	defer cancel()
	for i := range rows[:min(len(rows), mostChangelogs)] {
		if o, err := d.cfg.Host.AvailableOne(ctx, rows[i].ID); err == nil && o.Version == rows[i].Latest {
			rows[i].Changelog = o.Changelog
		}
	}
}
