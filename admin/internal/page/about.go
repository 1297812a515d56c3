package page

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// aboutHost is what knows of the host itself.
type aboutHost interface {
	About(ctx context.Context) host.About
	Settings() []host.Setting
}

func (p *Pages) aboutRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/admin/about", Right: access.See, Page: true, Serve: p.about},
		{Method: "GET", Path: "/admin/settings", Right: access.Administer, Page: true, Serve: p.settings},
	}
}

// settingGroup are the keys with the same first word.
type settingGroup struct {
	Name     string
	Settings []settingRow
}

// settingRow is one key.
type settingRow struct {
	host.Setting
	// Changed says that it is not as it would be if nobody had set it.
	Changed bool
}

func (p *Pages) settings(w http.ResponseWriter, r *http.Request) error {
	search := visible.Clip(strings.TrimSpace(r.URL.Query().Get("q")), 100)
	only := r.URL.Query().Get("only") == "set"
	data := struct {
		Search string
		Only   bool
		Groups []settingGroup
		// Overrides are the keys that are set for single extensions.
		Overrides    []settingRow
		Shown, Total int
	}{Search: search, Only: only}
	for _, s := range p.cfg.Host.Settings() {
		data.Total++
		row := settingRow{s, s.Source != "default"}
		text := strings.ToLower(s.Key + " " + s.Value + " " + s.Doc + " " + s.Extension)
		if only && !row.Changed || !strings.Contains(text, strings.ToLower(search)) {
			continue
		}
		data.Shown++
		if s.Extension != "" {
			data.Overrides = append(data.Overrides, row)
			continue
		}
		name, _, _ := strings.Cut(s.Key, ".")
		i := slices.IndexFunc(data.Groups, func(g settingGroup) bool { return g.Name == name })
		if i < 0 {
			i = len(data.Groups)
			data.Groups = append(data.Groups, settingGroup{Name: name})
		}
		data.Groups[i].Settings = append(data.Groups[i].Settings, row)
	}
	return p.show(w, r, view{Template: "settings.html", Title: p.words(r).Say("settings.title"), Section: sectionSettings, Data: data})
}

// health is one thing that is well or not: ok, warn, bad, or off where nothing is known.
type health struct {
	Kind string
	// Key says it in words, with Args.
	Key  string
	Args []any
}

const (
	// soon is how long before its end a root is pointed out.
	soon = 30 * 24 * time.Hour
	// lowDisk and noDisk are shares of a disk of which so little is free that somebody
	// should look, or has to.
	lowDisk, noDisk = 0.10, 0.03
	// oldBackup is how old a backup may be while changes go on.
	oldBackup = 7 * 24 * time.Hour
)

// rootRow is a trusted root, and how it stands with its time.
type rootRow struct {
	host.Root
	Health health
}

func (p *Pages) about(w http.ResponseWriter, r *http.Request) error {
	a, now := p.cfg.Host.About(r.Context()), p.cfg.Now()
	a.Addresses = host.Addresses{Requests: p.cfg.RequestAddress, Admin: p.cfg.AdminAddress}
	data := struct {
		host.About
		Uptime time.Duration
		Health []health
		Roots  []rootRow
		Limits []limitRow
		States []rowsInState
		Text   string
	}{
		About: a, Uptime: now.Sub(a.Started), Health: healthOf(a, now), Limits: limitRows(a.Machine.LimitsBy), States: rowsByState(a.Counts.States), Text: reportOf(a, now),
	}
	for _, root := range a.Trust.Roots {
		data.Roots = append(data.Roots, rootRow{root, rootHealth(root, now)})
	}
	return p.show(w, r, view{
		Template: "about.html", Title: p.words(r).Say("about.title"), Section: sectionAbout, Scripts: []string{"secrets.js"}, Data: data,
	})
}

func rootHealth(root host.Root, now time.Time) health {
	switch left := root.NotAfter.Sub(now); {
	case left <= 0:
		return health{"bad", "about.root.expired", nil}
	case left < soon:
		return health{"warn", "about.root.soon", nil}
	}
	return health{"ok", "about.root.ok", nil}
}

func healthOf(a host.About, now time.Time) []health {
	var list []health
	add := func(kind, key string, args ...any) { list = append(list, health{kind, key, args}) }
	if a.Disk.TotalBytes > 0 {
		switch free := float64(a.Disk.FreeBytes) / float64(a.Disk.TotalBytes); {
		case free < noDisk:
			add("bad", "about.health.disk-full")
		case free < lowDisk:
			add("warn", "about.health.disk-low")
		default:
			add("ok", "about.health.disk")
		}
	}
	switch last := a.Database.LastBackup; {
	case a.Database.Bytes == 0:
		add("off", "about.health.database-unknown")
	case last == nil:
		add("warn", "about.health.no-backup")
	case now.Sub(*last) > oldBackup:
		add("off", "about.health.backup-old") // nothing was changed since: that is no fault
	default:
		add("ok", "about.health.backup")
	}
	switch expired := slices.ContainsFunc(a.Trust.Roots, func(r host.Root) bool { return !now.Before(r.NotAfter) }); {
	case len(a.Trust.Roots) == 0 && a.Trust.Policy == "require":
		add("warn", "about.health.no-roots")
	case expired:
		add("bad", "about.health.root-expired")
	case len(a.Trust.Problems) > 0:
		add("warn", "about.health.trust-problems", len(a.Trust.Problems))
	case slices.ContainsFunc(a.Trust.Roots, func(r host.Root) bool { return r.NotAfter.Sub(now) < soon }):
		add("warn", "about.health.root-soon")
	case len(a.Trust.Roots) > 0:
		add("ok", "about.health.roots", len(a.Trust.Roots))
	}
	open := slices.ContainsFunc(a.Machine.Sandbox, func(p host.Protection) bool { return !p.Holds })
	switch {
	case a.Machine.Untried != "" || len(a.Machine.Sandbox) == 0:
		add("off", "about.health.sandbox-unknown")
	case open:
		add("warn", "about.health.sandbox-gaps")
	default:
		add("ok", "about.health.sandbox")
	}
	return list
}

// limitRow is one limit and who sees to it.
type limitRow struct{ Key, By string }

// limitRows are the limits in the order of a row.
func limitRows(by map[string]string) []limitRow {
	rows := []limitRow{}
	for _, key := range []string{"memory", "processes", "files", "data"} {
		rows = append(rows, limitRow{key, by[key]})
	}
	return rows
}

type rowsInState struct {
	State host.State
	Count int
}

func rowsByState(states map[host.State]int) []rowsInState {
	var list []rowsInState
	for s, n := range states {
		list = append(list, rowsInState{s, n})
	}
	slices.SortFunc(list, func(a, b rowsInState) int { return strings.Compare(string(a.State), string(b.State)) })
	return list
}

// reportOf is the page as plain text, in English, for reports of bugs.
func reportOf(a host.About, now time.Time) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s %s\n", name, visible.Clip(fmt.Sprintf(format, args...), 300))
	}
	line("jackfield", "%s, %s, %s/%s, kernel %s", a.Version, a.Go, a.OS, a.Arch, a.Kernel)
	line("up", "%s, process %d", now.Sub(a.Started).Round(time.Second), a.PID)
	line("machine", "%d CPUs, %d open files, Landlock %d", a.Machine.CPUs, a.Machine.OpenFiles, a.Machine.Landlock)
	for _, l := range limitRows(a.Machine.LimitsBy) {
		line("limit", "%s by %s", l.Key, l.By)
	}
	for _, p := range a.Machine.Sandbox {
		line("sandbox", "%s holds: %t (%s)", p.Name, p.Holds, p.Why)
	}
	if a.Machine.Untried != "" {
		line("sandbox", "untried: %s", a.Machine.Untried)
	}
	line("trust", "policy %s, revocation %s, on revoked %s, %d roots, %d problems",
		a.Trust.Policy, a.Trust.Revocation, a.Trust.OnRevoked, len(a.Trust.Roots), len(a.Trust.Problems))
	backup := "none"
	if a.Database.LastBackup != nil {
		backup = a.Database.LastBackup.UTC().Format(time.RFC3339)
	}
	line("database", "%d bytes, last backup %s", a.Database.Bytes, backup)
	line("disk", "%d of %d bytes free", a.Disk.FreeBytes, a.Disk.TotalBytes)
	line("extensions", "%d, other files %d, types %d", a.Counts.Extensions, a.Counts.Files, a.Counts.Types)
	for _, s := range rowsByState(a.Counts.States) {
		line("state", "%s: %d", s.State, s.Count)
	}
	return b.String()
}
