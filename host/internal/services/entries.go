package services

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// pageBytes is where a page of a list ends at the latest, with the entry that exceeds it.
const pageBytes = 1 << 20

// get returns the entry of key.
func (s *store) get(ctx context.Context, key string) (sdk.Entry, error) {
	file, err := s.read(ctx)
	if err != nil {
		return sdk.Entry{}, s.failed(ctx, "opening", err)
	}
	var value []byte
	var version uint64
	var expires int64
	err = file.Read.QueryRowContext(ctx, `SELECT value, version, expires FROM entry WHERE key = ?`, []byte(key)).Scan(&value, &version, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && s.over(expires):
		return sdk.Entry{}, notFound()
	case err != nil:
		return sdk.Entry{}, s.failed(ctx, "reading", err)
	}
	return entry([]byte(key), value, version, expires), nil
}

// over reports whether an entry has expired.
func (s *store) over(expires int64) bool { return expires != 0 && expires <= s.now().UnixMilli() }

// list returns a page of the entries behind after whose keys begin with prefix.
func (s *store) list(ctx context.Context, prefix, after string, limit int) (sdk.Page, error) {
	file, err := s.read(ctx)
	if err != nil {
		return sdk.Page{}, s.failed(ctx, "opening", err)
	}
	from := []byte(prefix)
	if after >= prefix {
		from = append([]byte(after), 0) // the first key behind it
	}
	rows, err := file.Read.QueryContext(ctx, `SELECT key, value, version, expires FROM entry
		WHERE key >= ? AND key < ? AND (expires = 0 OR expires > ?) ORDER BY key LIMIT ?`,
		from, behind(prefix), s.now().UnixMilli(), limit+1)
	if err != nil {
		return sdk.Page{}, s.failed(ctx, "reading", err)
	}
	defer rows.Close()
	var page sdk.Page
	size := 0
	for rows.Next() {
		if len(page.Entries) == limit || size >= pageBytes {
			page.Next = page.Entries[len(page.Entries)-1].Key
			break
		}
		var key, value []byte
		var version uint64
		var expires int64
		if err := rows.Scan(&key, &value, &version, &expires); err != nil {
			return sdk.Page{}, s.failed(ctx, "reading", scanError(err))
		}
		page.Entries = append(page.Entries, entry(key, value, version, expires))
		size += len(key) + len(value)
	}
	if err := rows.Err(); err != nil {
		return sdk.Page{}, s.failed(ctx, "reading", err)
	}
	return page, nil
}

// behind comes behind all keys that begin with prefix and before all others that do not:
// no key, which is UTF-8, has a byte 0xff.
func behind(prefix string) []byte {
	return append([]byte(prefix), 0xff)
}

// put writes an entry, if version is nil or the version that it has.
func (s *store) put(ctx context.Context, key string, want *uint64, value []byte, ttl time.Duration) (uint64, error) {
	if value == nil {
		value = []byte{} // NULL is no value
	}
	var version uint64
	err := s.write(ctx, func(tx *sql.Tx) (grown int64, fault *sdk.Error, err error) {
		is, before, err := s.present(tx, key)
		if err != nil {
			return 0, nil, err
		}
		if want != nil && *want != is {
			return 0, conflict(is, *want), nil
		}
		after := cost(len(key), len(value))
		if grown, err = s.sweep(tx, after > before && s.used+after-before > s.quota, key); err != nil {
			return 0, nil, err
		}
		if after > before && s.used+grown+after-before > s.quota {
			return grown, full(s.quota), nil
		}
		result, err := tx.Exec(`REPLACE INTO entry (key, value, expires) VALUES (?, ?, ?)`, []byte(key), value, s.expiry(ttl))
		if err != nil {
			return 0, nil, err
		}
		id, err := result.LastInsertId()
		version = uint64(id)
		return grown + after - before, nil, err
	})
	return version, err
}

// delete removes an entry, if version is nil or the version that it has.
func (s *store) delete(ctx context.Context, key string, want *uint64) error {
	return s.write(ctx, func(tx *sql.Tx) (grown int64, fault *sdk.Error, err error) {
		is, before, err := s.present(tx, key)
		if err != nil {
			return 0, nil, err
		}
		if want != nil && *want != is {
			return 0, conflict(is, *want), nil
		}
		_, err = tx.Exec(`DELETE FROM entry WHERE key = ?`, []byte(key))
		return -before, nil, err
	})
}

// present returns the version of key's entry, 0 for none or an expired one, and what its
// row counts for, also if it has expired.
func (s *store) present(tx *sql.Tx, key string) (version uint64, bytes int64, err error) {
	var size int
	var expires int64
	err = tx.QueryRow(`SELECT version, length(value), expires FROM entry WHERE key = ?`, []byte(key)).Scan(&version, &size, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, 0, nil
	case err != nil:
		return 0, 0, err
	case s.over(expires):
		version = 0
	}
	return version, cost(len(key), size), nil
}

// sweep clears expired entries away, but for key's, and returns by how much what is used
// has grown: some now and then, all when room is needed.
func (s *store) sweep(tx *sql.Tx, room bool, key string) (grown int64, err error) {
	now := s.now()
	most := sweepMost
	switch {
	case room:
		most = -1 // no limit
	case now.Sub(s.swept) < sweepEvery:
		return 0, nil
	}
	s.swept = now
	rows, err := tx.Query(`DELETE FROM entry WHERE version IN
		(SELECT version FROM entry WHERE expires > 0 AND expires <= ? AND key <> ? LIMIT ?) RETURNING length(key), length(value)`,
		now.UnixMilli(), []byte(key), most)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var k, v int
		if err := rows.Scan(&k, &v); err != nil {
			return 0, err
		}
		grown -= cost(k, v)
	}
	return grown, rows.Err()
}
