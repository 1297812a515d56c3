package doctorcmd

import (
	"context"
	"fmt"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/guidance"
)

// checkExtensions names each extension that is not as it should be, and the next step.
func (e *exam) checkExtensions(context.Context) {
	well := 0
	for _, row := range e.rows {
		findings := judgeRow(row)
		if len(findings) == 0 {
			well++
		}
		e.report.Findings = append(e.report.Findings, findings...)
	}
	if e.client != nil && e.refused["extensions"] == nil {
		e.add("extensions", OK, fmt.Sprintf("%d of %d run as they should", well, len(e.rows)), "")
	}
}

// judgeRow returns what there is to say of one extension, nothing when all is well.
func judgeRow(row host.Extension) []Finding {
	var found []Finding
	if row.State != "running" {
		found = append(found, findingOf(row.ID, row.State, row.Reason, ""))
	}
	if c := row.Candidate; c != nil && (c.Reason == nil || c.Reason.Code != "needs_consent" || row.Consent == nil) {
		f := findingOf(row.ID, c.State, c.Reason, "version "+c.Version+", which is to follow: ")
		if f.Level == Fail { // the version before serves
			f.Level = Warn
		}
		found = append(found, f)
	}
	if row.State == "running" && row.Consent != nil {
		found = append(found, findingOf(row.ID, "waiting", &host.Reason{Code: "needs_consent"}, "version "+row.Consent.Version+", which is to follow: "))
	}
	if s := row.Signature; row.State == "running" && s.Code != "" {
		f := findingOf(row.ID, "running", &host.Reason{Code: s.Code, Message: s.Message}, "it runs all the same: ")
		f.Level = Warn
		found = append(found, f)
	}
	return found
}

// findingOf says what a state and its reason mean, and what to do.
func findingOf(id string, state host.State, reason *host.Reason, prefix string) Finding {
	f := Finding{Check: "extensions", Level: levelOf(state), Subject: id, State: string(state)}
	code, message := "", ""
	if reason != nil {
		code, message = reason.Code, reason.Message
	}
	f.Code = code
	advice, known := guidance.For(string(state), code)
	if !known {
		f.Message = prefix + string(state) + ", " + code + ": " + message
		f.Next = guidance.HelpLogs.Command(id)
		return f
	}
	if code == "needs_consent" && f.Level == Note {
		f.Level = Warn // nobody else will come and do it
	}
	f.Message = prefix + string(state)
	if code != "" {
		f.Message += " (" + code + ")"
	}
	f.Message += ": " + advice.Title.English
	if message != "" {
		f.Message += ": " + message
	}
	f.Next = advice.Next.English
	if len(advice.Helps) > 0 {
		f.Next += " " + advice.Helps[0].Command(id)
	}
	return f
}

// levelOf says how bad a state is by itself.
func levelOf(s host.State) Level {
	switch s {
	case "running":
		return OK
	case "failed", "refused", "backoff":
		return Fail
	case "conflict", "unsupported":
		return Warn
	}
	return Note
}
