package pages

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// DeskOf are the submissions in a database, for those whose tokens are in it.
func DeskOf(db *database.Database) Desk { return drawer{db} }

type drawer struct{ database *database.Database }

// Visitor finds a token by its hash, which nobody can approach byte by byte.
func (d drawer) Visitor(ctx context.Context, token string) (Visitor, error) {
	t, err := d.database.TokenOf(ctx, sha256.Sum256([]byte(token)))
	switch {
	case errors.Is(err, database.ErrNotFound):
		return Visitor{}, ErrNotFound
	case err != nil:
		return Visitor{}, err
	case t.Role == database.RolePublisher && t.Organization != "",
		(t.Role == database.RoleReviewer || t.Role == database.RoleAdministrator) && t.Organization == "":
		return Visitor{t.Name, t.Organization}, nil
	}
	return Visitor{}, ErrNotFound // whom it would speak for nobody can tell
}

func (d drawer) Submissions(ctx context.Context, v Visitor, before int64, limit int) ([]store.Submission, error) {
	return d.database.Submissions(ctx, database.SubmissionFilter{Organization: v.Organization, Before: before, Limit: limit})
}

func (d drawer) Submission(ctx context.Context, v Visitor, number int64) (store.Submission, error) {
	s, err := d.database.Submission(ctx, number)
	if errors.Is(err, database.ErrNotFound) || err == nil && v.Organization != "" && s.Organization != v.Organization {
		return store.Submission{}, ErrNotFound
	}
	return s, err
}
