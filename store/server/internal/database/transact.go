package database

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// querier is a pool or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// valid is a querier that leaves out of texts what PostgreSQL refuses and SQLite takes: NUL
// and what is not UTF-8.
type valid struct{ querier }

func (v valid) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return v.querier.ExecContext(ctx, query, validArgs(args)...)
}

func (v valid) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return v.querier.QueryContext(ctx, query, validArgs(args)...)
}

func (v valid) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return v.querier.QueryRowContext(ctx, query, validArgs(args)...)
}

func validArgs(args []any) []any {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = validText(arg)
		case sql.NullString:
			args[i] = sql.NullString{String: validText(arg.String), Valid: arg.Valid}
		}
	}
	return args
}

func validText(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// row is what can be scanned.
type row interface{ Scan(dest ...any) error }

// change runs do in a transaction, and again if the engine asks for it. A caller who goes
// away does not end it half-way: whether a COMMIT took effect could not be told then.
func (d *Database) change(ctx context.Context, doing string, do func(ctx context.Context, tx querier) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.opts.Timeout)
	defer cancel()
	begun := time.Now()
	for try := 1; ; try++ {
		err := once(ctx, d.write, do)
		if err == nil || try == 5 || d.engine.judge(err) != repeatable {
			return d.tell("write", begun, d.explain(doing, err))
		}
	}
}

func once(ctx context.Context, db *sql.DB, do func(ctx context.Context, tx querier) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // without effect after the commit
	if err := do(ctx, valid{tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// look runs do, which only reads, with a deadline.
func (d *Database) look(ctx context.Context, doing string, do func(ctx context.Context, q querier) error) error {
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	begun := time.Now()
	return d.tell("read", begun, d.explain(doing, do(ctx, valid{d.read})))
}

// lookAtOnce is look with one state of the database for all that do reads.
func (d *Database) lookAtOnce(ctx context.Context, doing string, do func(ctx context.Context, q querier) error) error {
	return d.look(ctx, doing, func(ctx context.Context, _ querier) error {
		tx, err := d.read.BeginTx(ctx, d.engine.snapshot())
		if err != nil {
			return err
		}
		defer tx.Rollback() // it has only read
		return do(ctx, valid{tx})
	})
}

// tell tells Options.Took, and returns err. What callers branch on is an answer, no failure.
func (d *Database) tell(kind string, begun time.Time, err error) error {
	if d.opts.Took != nil {
		answer := err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrExists) || errors.Is(err, ErrConflict)
		d.opts.Took(kind, time.Since(begun), !answer)
	}
	return err
}

// explain says what was being done, and gives the errors that callers branch on their
// names.
func (d *Database) explain(doing string, err error) error {
	var known error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s: %w", doing, ErrNotFound)
	case d.engine.judge(err) == duplicate:
		known = ErrExists
	case d.engine.judge(err) == repeatable:
		known = ErrConflict
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w (%w)", doing, known, err)
}

// all returns what scan makes of every row.
func all[T any](ctx context.Context, q querier, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, rows.Err()
}

// one is the scan of rows with one column.
func one[T any](r row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// document is the scan of rows with one column, JSON as text.
func document[T any](r row) (v T, err error) {
	var text string
	if err := r.Scan(&text); err != nil {
		return v, err
	}
	return v, json.Unmarshal([]byte(text), &v)
}

// affected runs a statement and tells how many rows it touched.
func affected(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// exactlyOne runs a statement that must touch one row, else it is ErrNotFound.
func exactlyOne(ctx context.Context, q querier, query string, args ...any) error {
	n, err := affected(ctx, q, query, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// insert adds rows of values in one statement; "" after is for no ON CONFLICT clause.
func insert(ctx context.Context, q querier, into string, rows [][]any, after string) error {
	const parameters = 30000 // PostgreSQL takes 65535, SQLite 32766
	for len(rows) > 0 {
		n := min(len(rows), max(1, parameters/len(rows[0])))
		var b strings.Builder
		var args []any
		b.WriteString("INSERT INTO " + into + " VALUES ")
		for i, values := range rows[:n] {
			if i > 0 {
				b.WriteByte(',')
			}
			for j, value := range values {
				b.WriteByte("(,"[min(j, 1)])
				args = append(args, value)
				b.WriteString("$" + strconv.Itoa(len(args)))
			}
			b.WriteByte(')')
		}
		if _, err := q.ExecContext(ctx, b.String()+" "+after, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// where collects conditions.
type where struct {
	conditions []string
	args       []any
}

// add adds a condition whose ? stands for arg.
func (w *where) add(condition string, arg any) {
	w.args = append(w.args, arg)
	w.conditions = append(w.conditions, strings.Replace(condition, "?", "$"+strconv.Itoa(len(w.args)), 1))
}

// addText adds a condition unless the text is "".
func (w *where) addText(condition, text string) {
	if text != "" {
		w.add(condition, text)
	}
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// limited returns limit within 1 and most, or usual if it is 0.
func limited(limit, usual, most int) int {
	if limit == 0 {
		return usual
	}
	return min(max(limit, 1), most)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// now is the time to write down, as it can be read back.
func (d *Database) now() time.Time { return d.opts.Now().UTC().Truncate(time.Microsecond) }

// pack compresses a document.
func (d *Database) pack(data []byte) ([]byte, error) {
	var buf bytes.Buffer
	w, ok := d.compressors.Get().(*gzip.Writer)
	if !ok {
		w = gzip.NewWriter(nil)
	}
	defer d.compressors.Put(w)
	w.Reset(&buf)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// maxDocument bounds what unpack makes of a document: bytes.
const maxDocument = 64 << 20

// unpack reads a compressed document into v.
func unpack(packed []byte, v any) error {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return err
	}
	if len(data) > maxDocument {
		return fmt.Errorf("a document is larger than %d bytes", maxDocument)
	}
	return json.Unmarshal(data, v)
}
func rawDigest(text string) ([]byte, error) {
	sum, ok := store.ParseDigest(text)
	if !ok {
		return nil, fmt.Errorf("%q is no digest", text)
	}
	return sum[:], nil
}

func digestText(raw []byte) string { return "sha256:" + hex.EncodeToString(raw) }
