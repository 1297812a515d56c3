package host

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
)

// RepositorySource is one repository as it is configured; its paths are absolute.
type RepositorySource = repositories.Source

// The kinds of repositories.
const (
	KindJackfield = repositories.KindJackfield
	KindJameica   = repositories.KindJameica
)

// RepositoryCodes are the codes that Repository.Code can have: a closed set.
func RepositoryCodes() []string {
	var codes []string
	for _, c := range repositories.Codes() {
		codes = append(codes, string(c))
	}
	return codes
}

func (h *Host) newRepositories() (*repositories.Set, error) {
	return repositories.New(repositories.Config{
		Sources: h.cfg.RepositorySources, Dir: h.home.Repositories(),
		Roots: func() *trust.Roots {
			roots, _ := h.admission.Roots()
			return roots
		},
		HostVersion: h.cfg.Version, Platform: runtime.GOOS + "-" + runtime.GOARCH,
		Every: h.cfg.RepositoryCheck, Log: h.cfg.Log, Changed: h.RepositoriesChanged,
	})
}

// Repositories says how each configured repository stands, in the order in which they go
// before each other.
func (h *Host) Repositories() []Repository {
	list := []Repository{}
	for _, s := range h.repositories.Status() {
		list = append(list, repositoryOf(s))
	}
	return list
}

func repositoryOf(s repositories.Status) Repository {
	r := Repository{
		Name: s.Name, URL: s.URL, Kind: string(s.Kind), Priority: s.Priority, Enabled: !s.Disabled,
		State: string(s.State), Code: string(s.Code), Message: s.Message, Sequence: s.Sequence,
		Issued: moment(s.Issued), Expires: moment(s.Expires), Checked: moment(s.Checked), Read: moment(s.Read),
		Listings: s.Listings, Problems: append([]string{}, s.Problems...),
	}
	if s.Seen.Store != "" {
		r.Seen = &RepositorySeen{Store: s.Seen.Store, Sequence: s.Seen.Sequence}
	}
	return r
}

// moment is nil for no time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// RefreshRepository looks at one repository now, and returns how it stands then. The error
// is an *Error.
func (h *Host) RefreshRepository(ctx context.Context, name string) (Repository, error) {
	s, err := h.repositories.Refresh(ctx, name)
	if err != nil {
		return Repository{}, repositoryError(err)
	}
	return repositoryOf(s), nil
}

// ForgetRepository drops what is known of one repository, after which the store may be
// another one and its catalogue older than before, and returns how it stands then. What it
// has revoked stays revoked until it is read again. The error is an *Error.
func (h *Host) ForgetRepository(ctx context.Context, name string, by Actor) (Repository, error) {
	was, is, err := h.repositories.Forget(ctx, name)
	if err != nil {
		return Repository{}, repositoryError(err)
	}
	before, err := json.Marshal(struct {
		Seen *RepositorySeen `json:"seen"`
	}{repositoryOf(was).Seen})
	if err != nil { // a struct of strings and numbers
		before = nil
	}
	entry := auditOf(Action{Verb: "forget-repository", ID: name, Actor: by}, before, nil)
	if err := h.state.Change(context.WithoutCancel(ctx), state.Change{Audit: []state.AuditEntry{entry}}); err != nil {
		h.cfg.Log.Error("writing the audit trail", "error", err) // it is done
	}
	return repositoryOf(is), nil
}

func repositoryError(err error) error {
	switch {
	case errors.Is(err, repositories.ErrNoRepository):
		return &Error{Code: CodeNotFound, Message: err.Error(), Hint: "repositories are configured as repository.NAME.url"}
	case errors.Is(err, repositories.ErrDisabled):
		return &Error{Code: CodeConflict, Message: err.Error(), Hint: "it is switched on by repository.NAME.enabled=true"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: CodeUnavailable, Message: err.Error(), Hint: "it may still be under way: look at the repository again"}
	case repositories.CodeOf(err) == repositories.Code(store.IndexUnknown):
		return &Error{Code: CodeNotFound, Message: err.Error()}
	}
	return &Error{Code: CodeUnavailable, Message: err.Error()}
}
