package page

import (
	"cmp"
	"html/template"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

// The groups of the overview's entries, in the order in which they stand there.
const (
	groupBad  = "bad"  // somebody has to do something
	groupBusy = "busy" // it passes by itself
	groupOff  = "off"  // somebody wanted it so
)

// trouble is why an extension is not as it should be, in words, with what helps. The
// overview and the page of the extension show it.
type trouble struct {
	Key, ID, Path, Name, Version, File, Claims string
	State                                      string
	Kind                                       string // ok, busy, warn, bad or off
	Group                                      string
	// Code is that of the reason; Title, Meaning and Next explain it.
	Code, Title, Meaning, Next string
	// Subject says which version is meant, when it is not the one that runs; Serves is
	// the one that does.
	Subject template.HTML
	Serves  string
	Since   time.Time
	NextTry time.Time
	// Restarts counts those since the host has started.
	Restarts int
	// Message, Stage, Exit and Stderr are what the host and the process said.
	Message, Stage, Exit string
	Stderr               []string
	Asks                 []template.HTML
	Actions              []action
	// Denied says that something would help which this person may not do.
	Denied bool
}

// troubleOf returns the trouble of an extension; ok is false when all is well. back is
// where its buttons lead back to.
func troubleOf(e host.Extension, w *words.Words, who access.Identity, back string) (t trouble, ok bool) {
	t = trouble{
		Key: keyOf(e.ID), ID: e.ID, Path: pathOf(e.ID), Name: titleOf(e), Version: e.Version, File: e.File, Claims: e.Claims,
		State: string(e.State), Kind: kindOf(string(e.State)), Restarts: e.Restarts,
	}
	reason := e.Reason
	switch {
	case e.State != "running":
		t.Code = defaultCode(e)
		if e.NextTry != nil {
			t.NextTry = *e.NextTry
		}
	case e.Consent != nil:
		reason = consentReason(e)
		t.Code, t.Kind, t.Serves = reason.Code, "warn", e.Version
		t.Subject = say(w, "overview.candidate", e.Consent.Version)
	case e.Candidate != nil:
		reason, t.Serves = e.Candidate.Reason, e.Version
		t.Code, t.Kind = string(e.Candidate.State), kindOf(string(e.Candidate.State))
		t.Subject = say(w, "overview.candidate", e.Candidate.Version)
		if t.Kind == "busy" {
			t.Subject = say(w, "overview.coming", e.Candidate.Version)
		}
	case slices.Contains([]string{"revoked", "expired", "invalid"}, e.Signature.State):
		t.Code, t.Kind, t.Message = cmp.Or(e.Signature.Code, e.Signature.State), "warn", e.Signature.Message
	default:
		return trouble{}, false
	}
	if reason != nil {
		t.Code, t.Message, t.Since, t.Stderr = cmp.Or(reason.Code, t.Code), reason.Message, reason.Time, reason.Stderr
		t.Exit = exitOf(w, reason.ExitCode, reason.Signal)
		if key := "stage." + string(reason.Stage); w.Has(key) {
			t.Stage = w.Say(key)
		}
	}
	if c := e.Consent; c != nil && (t.Code == "needs_consent" || t.Code == "publisher_changed") {
		for _, n := range c.Needs {
			t.Asks = append(t.Asks, needSays(w, n))
		}
	}
	said := w.Explain(t.Code)
	t.Title, t.Meaning, t.Next = said.Title, said.Meaning, said.Next
	t.Group = groupOf(t)
	t.help(e, w, said.Helps, who, back)
	return t, true
}

// consentReason is why a version waits for consent while another one runs.
func consentReason(e host.Extension) *host.Reason {
	if c := e.Candidate; c != nil && c.Reason != nil && c.Digest == e.Consent.Digest {
		return c.Reason
	}
	return &host.Reason{Code: "needs_consent"}
}

// defaultCode is what explains a state whose reason has no code.
func defaultCode(e host.Extension) string {
	switch e.State {
	case "pending":
		return "copying"
	case "starting":
		return "starting"
	case "draining":
		return "stopping"
	case "stopped":
		if !e.Enabled {
			return "disabled"
		}
		return "stopped"
	}
	return string(e.State)
}

func groupOf(t trouble) string {
	switch t.State {
	case "stopped", "removed":
		return groupOff
	case "pending", "starting", "draining":
		return groupBusy
	case "running":
		if t.Kind == "busy" {
			return groupBusy
		}
	}
	return groupBad
}

// urgency is the place of an extension in a list that begins with what needs somebody.
func urgency(e host.Extension) int {
	kinds := []string{"bad", "warn", "busy", "ok", "off"}
	place := slices.Index(kinds, kindOf(string(e.State))) * 2
	if e.State == "running" && e.Consent == nil && e.Candidate == nil {
		place++
	}
	return place
}

func needSays(w *words.Words, n host.Need) template.HTML {
	switch {
	case n.Kind == host.NeedPermission:
		return say(w, "overview.permission", n.What)
	case n.What == "":
		return say(w, "overview.no-publisher")
	}
	return say(w, "overview.publisher", n.What)
}

func exitOf(w *words.Words, code *int, signal string) string {
	switch {
	case signal != "":
		return w.Say("exit.signal", signal)
	case code != nil:
		return w.Say("exit.code", *code)
	}
	return ""
}

// helper makes the buttons of one extension for one person.
type helper struct {
	e    host.Extension
	w    *words.Words
	who  access.Identity
	back string
}

// help offers what helps and is allowed.
func (t *trouble) help(e host.Extension, w *words.Words, helps []words.Help, who access.Identity, back string) {
	h := helper{e, w, who, back}
	if e.State == "backoff" && !slices.Contains(helps, words.HelpRetry) {
		helps = append([]words.Help{words.HelpRetry}, helps...)
	}
	wanted := 0
	for _, help := range helps {
		a, fits, allowed := h.offer(help)
		if !fits {
			continue
		}
		wanted++
		if !allowed {
			continue
		}
		if len(t.Actions) == 0 && a.Kind == "" {
			a.Kind = "primary"
		}
		a.Of = titleOf(e)
		t.Actions = append(t.Actions, a)
	}
	t.Denied = wanted > 0 && len(t.Actions) == 0
}
