package database

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

var errPending = errors.New("not built yet")

type engine struct{}

func (o Options) withDefaults() Options                        { return o }
func open(context.Context, string, Options) (*Database, error) { return nil, errPending }
func (d *Database) close() error                               { return errPending }
func (d *Database) publish(context.Context, Key, func(Current) (Change, error)) (p Published, err error) {
	return p, errPending
}
func (d *Database) load(context.Context, []Change) (int64, error)              { return 0, errPending }
func (d *Database) changes(context.Context, int64, int) (c Changes, err error) { return c, errPending }
func (d *Database) sequence(context.Context) (int64, error)                    { return 0, errPending }
func (d *Database) document(context.Context, string) (c Document, err error)   { return c, errPending }
func (d *Database) detail(context.Context, string, string) (c store.Detail, err error) {
	return c, errPending
}
func (d *Database) file(context.Context, string) (c FileOwner, err error)     { return c, errPending }
func (d *Database) timestamp(context.Context, int64) (c Timestamp, err error) { return c, errPending }
func (d *Database) saveTimestamp(context.Context, Timestamp, time.Time) (c Timestamp, err error) {
	return c, errPending
}
func (d *Database) search(context.Context, Query) (c Hits, err error)           { return c, errPending }
func (d *Database) saveOrganization(context.Context, Organization, Entry) error { return errPending }
func (d *Database) removeOrganization(context.Context, string, Entry) error     { return errPending }
func (d *Database) organization(context.Context, string) (c Organization, err error) {
	return c, errPending
}
func (d *Database) organizationOf(context.Context, string) (c Organization, err error) {
	return c, errPending
}
func (d *Database) organizations(context.Context) ([]Organization, error)  { return nil, errPending }
func (d *Database) addToken(context.Context, Token, [32]byte, Entry) error { return errPending }
func (d *Database) tokenOf(context.Context, [32]byte) (c Token, err error) { return c, errPending }
func (d *Database) tokens(context.Context) ([]Token, error)                { return nil, errPending }
func (d *Database) removeToken(context.Context, string, Entry) error       { return errPending }
func (d *Database) addSubmission(context.Context, store.Submission, string) (c store.Submission, err error) {
	return c, errPending
}
func (d *Database) submission(context.Context, int64) (c store.Submission, err error) {
	return c, errPending
}
func (d *Database) submissions(context.Context, SubmissionFilter) ([]store.Submission, error) {
	return nil, errPending
}
func (d *Database) claimSubmission(context.Context, string, time.Duration) (c store.Submission, n int, err error) {
	return c, 0, errPending
}
func (d *Database) renewClaim(context.Context, int64, string, time.Duration) error { return errPending }
func (d *Database) saveSubmission(context.Context, store.Submission, string, []Entry) error {
	return errPending
}
func (d *Database) inUse(context.Context, string) (bool, error)         { return false, errPending }
func (d *Database) appendEntry(context.Context, Entry) error            { return errPending }
func (d *Database) audit(context.Context, AuditFilter) ([]Entry, error) { return nil, errPending }
func (d *Database) verifyAudit(context.Context) (c Entry, err error)    { return c, errPending }
func (d *Database) addDownloads(context.Context, []Downloads) error     { return errPending }
func (d *Database) downloads(context.Context, DownloadFilter) ([]Downloads, error) {
	return nil, errPending
}
func (d *Database) downloadTotals(context.Context) (map[string]int64, error) { return nil, errPending }
func (d *Database) maintain(context.Context) (m Maintained, err error)       { return m, errPending }
func (d *Database) counts(context.Context) (c Counts, err error)             { return c, errPending }
func (d *Database) backup(context.Context, io.Writer) error                  { return errPending }
