package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/host"
)

// staging is what a shelf knows of bundles that are looked at, of installations, and of
// the audit trail. The shelf's mutex guards it.
type staging struct {
	staged    map[string]host.Staged // by token
	installed []host.StagedInstall
	unstaged  []string
	jobs      map[string]host.Job
	trail     []host.AuditEntry // the newest first
	queries   []host.AuditQuery
	breaks    int // after how many questions the trail can not be read, 0 for never
	about     *host.About
	settings  []host.Setting
}

// stages has the next upload of the page be this one.
func (s *shelf) stages(staged host.Staged) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.staged == nil {
		s.staged = map[string]host.Staged{}
	}
	s.staged[staged.Token] = staged
}

func (s *shelf) Stage(ctx context.Context, u host.Upload) (host.Staged, error) {
	if _, err := s.Upload(ctx, u); err != nil {
		return host.Staged{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, staged := range s.staged {
		return staged, nil
	}
	return host.Staged{}, &host.Error{Code: host.CodeUnavailable, Message: "too many bundles wait to be installed: 16", Hint: "install them"}
}

func (s *shelf) Staged(token string, a host.Actor) (host.Staged, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	staged, ok := s.staged[token]
	if !ok {
		return staged, &host.Error{Code: host.CodeNotFound, Message: "no bundle waits under this name to be installed", Hint: "send the bundle again"}
	}
	return staged, nil
}

func (s *shelf) InstallStaged(_ context.Context, i host.StagedInstall) (host.Uploaded, error) {
	staged, err := s.Staged(i.Token, i.Actor)
	if err != nil {
		return host.Uploaded{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.installed = append(s.installed, i)
	if s.refuse != nil {
		return host.Uploaded{}, s.refuse
	}
	up := staged.Uploaded
	up.Job = "install-1"
	return up, nil
}

func (s *shelf) Unstage(token string, _ host.Actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unstaged = append(s.unstaged, token)
	delete(s.staged, token)
}

// sets has an installation be as it is told.
func (s *shelf) sets(j host.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs == nil {
		s.jobs = map[string]host.Job{}
	}
	s.jobs[j.Name] = j
	select {
	case s.told <- struct{}{}:
	default:
	}
}

// installs are the installations that were asked for.
func (s *shelf) installs() []host.StagedInstall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]host.StagedInstall{}, s.installed...)
}

// FindAudit knows the cursors "1", "2" …: how many entries come before.
func (s *shelf) FindAudit(_ context.Context, q host.AuditQuery) (host.AuditPage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, q)
	if s.refuse != nil || s.breaks > 0 && len(s.queries) > s.breaks {
		return host.AuditPage{}, cmp.Or[error](s.refuse, errors.New("the disk is gone"))
	}
	from := 0
	if q.Cursor != "" {
		if _, err := fmt.Sscan(q.Cursor, &from); err != nil || from >= len(s.trail) {
			return host.AuditPage{}, &host.Error{Code: host.CodeInvalidArgument, Message: "the cursor is none that was given out"}
		}
	}
	to := min(from+q.Limit, len(s.trail))
	page := host.AuditPage{Events: s.trail[from:to]}
	if to < len(s.trail) {
		page.Next = fmt.Sprint(to)
	}
	return page, nil
}

// asksFor are the questions to the audit trail so far.
func (s *shelf) asksFor() []host.AuditQuery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]host.AuditQuery{}, s.queries...)
}
