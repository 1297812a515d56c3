package database

import (
	"context"
	"io"
	"time"
)

// Maintained is what Maintain did.
type Maintained struct {
	Tokens     int64 // removed, expired a month ago
	Downloads  int64 // daily counts, older than three months, that became part of monthly ones
	Timestamps int64 // removed, expired and not of the newest sequence
}

// Maintain forgets what nobody needs any more, and has the engine learn what there is. Call it
// about once an hour, and after a large import; several may.
func (d *Database) Maintain(ctx context.Context) (done Maintained, err error) {
	now := d.now()
	err = d.change(ctx, "maintaining the database", func(ctx context.Context, tx querier) error {
		done = Maintained{}
		if done.Tokens, err = affected(ctx, tx, `DELETE FROM tokens WHERE expires > 0 AND expires < $1`, micros(now.AddDate(0, -1, 0))); err != nil {
			return err
		}
		if done.Timestamps, err = affected(ctx, tx, `DELETE FROM timestamps WHERE expires < $1 AND sequence < (SELECT sequence FROM catalogue)`,
			micros(now)); err != nil {
			return err
		}
		done.Downloads, err = sumUp(ctx, tx, monthOf(now).AddDate(0, -3, 0))
		return err
	})
	if err != nil {
		return done, err
	}
	return done, d.change(ctx, "learning what the database has", d.engine.learn)
}

// sumUp makes one count of the days of each month before that one.
func sumUp(ctx context.Context, tx querier, before time.Time) (n int64, err error) {
	if _, err := tx.ExecContext(ctx, `UPDATE counter SET value = value + 1 WHERE name = 'downloads'`); err != nil {
		return 0, err
	}
	days, err := all(ctx, tx, one[int64], `SELECT DISTINCT day FROM downloads WHERE day < $1 ORDER BY day`, dayOf(before))
	if err != nil {
		return 0, err
	}
	for _, day := range days {
		first := dayOf(monthOf(time.Unix(day*86400, 0)))
		if day == first {
			continue
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO downloads (day, listing, version, platform, count)
			SELECT CAST($1 AS BIGINT), listing, version, platform, count FROM downloads WHERE day = $2
			ON CONFLICT (day, listing, version, platform) DO UPDATE SET count = downloads.count + excluded.count`, first, day)
		if err != nil {
			return n, err
		}
		removed, err := affected(ctx, tx, `DELETE FROM downloads WHERE day = $1`, day)
		if err != nil {
			return n, err
		}
		n += removed
	}
	return n, nil
}

func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Counts are how many there are of what an operator asks for.
type Counts struct {
	Listings, Hidden, Releases, Organizations int64
	Submissions                               map[string]int64 // by state
}

// Counts counts.
func (d *Database) Counts(ctx context.Context) (c Counts, err error) {
	c.Submissions = map[string]int64{}
	err = d.lookAtOnce(ctx, "counting", func(ctx context.Context, q querier) error {
		if err := q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM listings), (SELECT count(*) FROM listings WHERE hidden),
			(SELECT count(*) FROM releases), (SELECT count(*) FROM organizations)`).Scan(&c.Listings, &c.Hidden, &c.Releases, &c.Organizations); err != nil {
			return err
		}
		_, err := all(ctx, q, func(r row) (struct{}, error) {
			var state string
			var n int64
			err := r.Scan(&state, &n)
			c.Submissions[state] = n
			return struct{}{}, err
		}, `SELECT state, count(*) FROM submissions GROUP BY state`)
		return err
	})
	return c, err
}

// Check asks the database for its sequence, to find out whether it answers.
func (d *Database) Check(ctx context.Context) error {
	_, err := d.Sequence(ctx)
	return err
}

// Backup writes a copy of the whole database, as it is at one moment, while others use it;
// ctx alone bounds it. For PostgreSQL it is ErrUnsupported, with the command that does it.
func (d *Database) Backup(ctx context.Context, w io.Writer) error {
	return d.explain("backing the database up", d.engine.backup(ctx, w))
}
