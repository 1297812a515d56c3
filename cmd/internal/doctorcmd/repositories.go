package doctorcmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/guidance"
)

// checkRepositories says whether each place that extensions are installed from can be read,
// as the running host has found, and whether what is configured of it can be right.
func (e *exam) checkRepositories(context.Context) {
	for _, r := range e.repositories {
		if f, ok := judgeRepository(r, e.now); ok {
			e.report.Findings = append(e.report.Findings, f)
		}
	}
	if e.config == nil {
		return
	}
	for _, s := range e.config.RepositorySources(string(e.home)) {
		if !s.Disabled {
			e.report.Findings = append(e.report.Findings, judgeSource(s, e.now)...)
		}
	}
}

// judgeRepository says how one stands, nothing of one that is disabled.
func judgeRepository(r host.Repository, now time.Time) (Finding, bool) {
	f := Finding{Check: "repositories", Level: OK, Subject: r.Name, Code: r.Code}
	if !r.Enabled {
		return f, false
	}
	until := ""
	if r.Expires != nil {
		until = ", good until " + r.Expires.Local().Format(time.DateTime)
	}
	advice := guidance.Repositories()[r.Code]
	switch r.State {
	case "ok":
		f.Message = fmt.Sprintf("%d extensions%s", r.Listings, until)
		return f, true
	case "never":
		f.Level, f.Message, f.Next = Note, "it was not read yet", "wait a moment, or read it now: 'jackfield ext repo refresh "+r.Name+"'"
		return f, true
	case "stale":
		f.Level, f.Message = Warn, "it could not be read again; what is known is still used"+until+": "
	default:
		f.Level, f.Message = Fail, "nothing is installed from it: "
	}
	f.Message += advice.Title.English + ". " + r.Message
	f.Next = strings.ReplaceAll(advice.Next.English, "NAME", r.Name)
	if f.Next == "" {
		f.Next = "see the log of the host"
	}
	return f, true
}

// judgeSource says what can be wrong with what is configured of one.
func judgeSource(s host.RepositorySource, now time.Time) []Finding {
	var found []Finding
	add := func(level Level, message, next string) {
		found = append(found, Finding{Check: "repositories", Level: level, Subject: s.Name, Message: message, Next: next})
	}
	until, err := s.CheckRoot(now)
	switch {
	case err != nil:
		add(Fail, "the file of its root can not be used: "+err.Error(), "put the certificate of those who vouch for it into "+s.Root)
	case until.IsZero() && s.Kind == host.KindJameica && !s.Unsigned:
		add(Warn, "nobody vouches for what it signs, so nothing is installed from it", "name the certificates of those who may sign in repository."+s.Name+".root")
	case !until.IsZero() && until.Sub(now) < soon:
		add(Warn, "who vouches for it does so until "+until.Local().Format(time.DateOnly)+" only", "get the next root from who runs it, and put it beside this one into "+s.Root)
	}
	if s.Unsigned {
		add(Warn, "ZIPs of it are taken that nobody has signed (allow_unsigned)", "have its publishers sign, and name them in repository."+s.Name+".root")
	}
	if strings.HasPrefix(s.URL, "http://") && s.Kind == host.KindJameica {
		add(Warn, "it is read without TLS, and its lists are not signed: whoever is on the way can change what is offered", "use https if it can")
	}
	return found
}
