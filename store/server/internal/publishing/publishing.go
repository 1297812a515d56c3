// Package publishing is the part of a store's native API that needs a token: submissions,
// actions on what is published, organizations and tokens, advisories, the audit trail. New
// makes an API of what it needs, and Routes is its part of the table of routes.
//
// What is promised: publishers see and change what belongs to their organization, and
// nothing else; everything that is changed is in the audit trail, with the token that did
// it; a token is shown once, to whoever asked for it, and is nowhere else.
package publishing

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// Desk takes files in and does what is asked of those that are published.
type Desk interface {
	Receive(ctx context.Context, u ingest.Upload) (store.Submission, error)
	Wait(ctx context.Context, number int64) (store.Submission, error)
	Act(ctx context.Context, a ingest.Action) (*store.Listing, error)
	Approve(ctx context.Context, number int64, actor string) (store.Submission, error)
	Reject(ctx context.Context, number int64, actor, reason string) (store.Submission, error)
	Retry(ctx context.Context, number int64, actor string) (store.Submission, error)
	Advise(ctx context.Context, actor string, a store.Advisory) (store.Advisory, error)
	Revoke(ctx context.Context, actor string, r store.Revocation) (store.Revocation, error)
	Unrevoke(ctx context.Context, actor string, r store.Revocation) error
}

// Database has submissions, and who may do what.
type Database interface {
	Submission(ctx context.Context, number int64) (store.Submission, error)
	Submissions(ctx context.Context, f database.SubmissionFilter) ([]store.Submission, error)
	Organizations(ctx context.Context) ([]database.Organization, error)
	Organization(ctx context.Context, name string) (database.Organization, error)
	SaveOrganization(ctx context.Context, o database.Organization, entry database.Entry) error
	RemoveOrganization(ctx context.Context, name string, entry database.Entry) error
	Tokens(ctx context.Context) ([]database.Token, error)
	AddToken(ctx context.Context, t database.Token, hash [32]byte, entry database.Entry) error
	RemoveToken(ctx context.Context, id string, entry database.Entry) error
	Audit(ctx context.Context, f database.AuditFilter) ([]database.Entry, error)
}

// Config is what the API is made from.
type Config struct {
	Desk     Desk
	Database Database
	// MaxBytes is the size of the largest file.
	MaxBytes int64
	Now      func() time.Time
	// Settle waits, for a while, until what was changed is in the catalogue.
	Settle func(ctx context.Context)
}

// API answers those who have a token.
type API struct{ cfg Config }

// New returns the API of cfg.
func New(cfg Config) *API { return &API{cfg} }

// The prefixes of paths.
const (
	prefix  = "/api/v1/"
	listing = prefix + "listings/{id}"
	release = listing + "/releases/{version}"
)

// Routes are those of the API.
func (a *API) Routes() []web.Route {
	routes := []web.Route{
		{Method: "POST", Path: prefix + "submissions", Right: web.Publish, Cost: web.Write, Body: a.cfg.MaxBytes + 1, Serve: a.submit, Doc: submitDoc()},
		{Method: "GET", Path: prefix + "submissions", Right: web.See, Cost: web.Search, Serve: a.submissions, Doc: submissionsDoc()},
		{Method: "GET", Path: prefix + "submissions/{n}", Right: web.See, Cost: web.Search, Serve: a.submission, Doc: submissionDoc()},
		{Method: "POST", Path: prefix + "submissions/{n}/approve", Right: web.Review, Cost: web.Write, Serve: a.approve, Doc: approveDoc()},
		{Method: "POST", Path: prefix + "submissions/{n}/reject", Right: web.Review, Cost: web.Write, Serve: a.reject, Doc: rejectDoc()},
		{Method: "POST", Path: prefix + "submissions/{n}/retry", Right: web.Administer, Cost: web.Write, Serve: a.retry, Doc: retryDoc()},
		{Method: "POST", Path: listing + "/label", Right: web.Review, Cost: web.Write, Serve: a.label, Doc: labelDoc()},
		{Method: "POST", Path: prefix + "advisories", Right: web.Administer, Cost: web.Write, Serve: a.advise, Doc: adviseDoc()},
		{Method: "POST", Path: prefix + "revocations", Right: web.Administer, Cost: web.Write, Serve: a.revoke, Doc: revokeDoc()},
		{Method: "POST", Path: prefix + "revocations/withdraw", Right: web.Administer, Cost: web.Write, Serve: a.unrevoke, Doc: unrevokeDoc()},
		{Method: "GET", Path: prefix + "organizations", Right: web.Review, Cost: web.Search, Serve: a.organizations, Doc: organizationsDoc()},
		{Method: "POST", Path: prefix + "organizations", Right: web.Administer, Cost: web.Write, Serve: a.saveOrganization, Doc: saveOrganizationDoc()},
		{Method: "DELETE", Path: prefix + "organizations/{name}", Right: web.Administer, Cost: web.Write, Serve: a.removeOrganization, Doc: removeOrganizationDoc()},
		{Method: "GET", Path: prefix + "tokens", Right: web.Administer, Cost: web.Search, Serve: a.tokens, Doc: tokensDoc()},
		{Method: "POST", Path: prefix + "tokens", Right: web.Administer, Cost: web.Write, Serve: a.newToken, Doc: newTokenDoc()},
		{Method: "DELETE", Path: prefix + "tokens/{token}", Right: web.Administer, Cost: web.Write, Serve: a.removeToken, Doc: removeTokenDoc()},
		{Method: "GET", Path: prefix + "audit", Right: web.Administer, Cost: web.Search, Serve: a.audit, Doc: auditDoc()},
	}
	for _, v := range verbs() {
		routes = append(routes,
			web.Route{Method: "POST", Path: release + "/" + v.name, Right: v.right, Cost: web.Write, Serve: a.act(v), Doc: v.doc("Release", "a release")},
			web.Route{Method: "POST", Path: listing + "/" + v.name, Right: v.right, Cost: web.Write, Serve: a.act(v), Doc: v.doc("Listing", "all releases of a listing")})
	}
	return routes
}

// actor is how the audit trail names who sent r.
func actor(r *http.Request) string { return web.Of(r.Context()).Token }

// entry begins a line of the audit trail about what r does.
func entry(r *http.Request, action, target string) database.Entry {
	caller := web.Of(r.Context())
	return database.Entry{Actor: caller.Token, Remote: caller.Remote, Action: action, Target: target}
}

// deskError returns what the desk has refused as a problem.
func deskError(err error) error {
	var refused *ingest.ActionError
	if !errors.As(err, &refused) {
		return err
	}
	code := web.InvalidArgument
	switch refused.Code {
	case ingest.NotFound:
		code = web.NotFound
	case ingest.NotAllowed:
		code = web.PermissionDenied
	case ingest.WrongState:
		code = web.Conflict
	}
	return web.NewProblem(code, refused.Message)
}
