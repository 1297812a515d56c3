package database

import (
	"context"
	"strconv"
	"time"
)

// Downloads counts how often a file of a release was fetched on one day; there is nothing
// of who fetched it.
type Downloads struct {
	Day      time.Time // UTC midnight; the first of the month where Maintain has summed up
	Listing  string
	Version  string
	Platform string
	Count    int64
}

// DownloadFilter picks counts; zero fields pick all.
type DownloadFilter struct {
	Listing  string
	From, To time.Time // days, both included
	Limit    int       // 1 to 10000, 1000 if it is 0
}

// AddDownloads adds counts to those that are there. Count in memory and call it every few
// seconds: Counter does.
func (d *Database) AddDownloads(ctx context.Context, counts []Downloads) error {
	type key struct {
		day                        int64
		listing, version, platform string
	}
	// One statement may not touch a row twice.
	sums, totals := map[key]int64{}, map[string]int64{}
	for _, c := range counts {
		sums[key{dayOf(c.Day), c.Listing, c.Version, c.Platform}] += c.Count
		totals[c.Listing] += c.Count
	}
	var rows, totalRows [][]any
	for k, n := range sums {
		rows = append(rows, []any{k.day, k.listing, k.version, k.platform, n})
	}
	for listing, n := range totals {
		totalRows = append(totalRows, []any{listing, n})
	}
	return d.change(ctx, "counting downloads", func(ctx context.Context, tx querier) error {
		// All who count take the rows in turn: in any order they would block each other.
		if _, err := tx.ExecContext(ctx, `UPDATE counter SET value = value + 1 WHERE name = 'downloads'`); err != nil {
			return err
		}
		err := insert(ctx, tx, "downloads (day, listing, version, platform, count)", rows,
			"ON CONFLICT (day, listing, version, platform) DO UPDATE SET count = downloads.count + excluded.count")
		if err != nil {
			return err
		}
		return insert(ctx, tx, "download_totals (listing, count)", totalRows,
			"ON CONFLICT (listing) DO UPDATE SET count = download_totals.count + excluded.count")
	})
}

// Downloads returns counts, newest day first.
func (d *Database) Downloads(ctx context.Context, f DownloadFilter) (list []Downloads, err error) {
	var w where
	w.addText("listing = ?", f.Listing)
	if !f.From.IsZero() {
		w.add("day >= ?", dayOf(f.From))
	}
	if !f.To.IsZero() {
		w.add("day <= ?", dayOf(f.To))
	}
	err = d.look(ctx, "reading downloads", func(ctx context.Context, q querier) error {
		list, err = all(ctx, q, func(r row) (c Downloads, err error) {
			var day int64
			err = r.Scan(&day, &c.Listing, &c.Version, &c.Platform, &c.Count)
			c.Day = time.Unix(day*86400, 0).UTC()
			return c, err
		}, `SELECT day, listing, version, platform, count FROM downloads`+w.String()+
			` ORDER BY day DESC, listing, version, platform LIMIT `+strconv.Itoa(limited(f.Limit, 1000, 10000)), w.args...)
		return err
	})
	return list, err
}

// DownloadTotals returns for each listing that was fetched how often, in all.
func (d *Database) DownloadTotals(ctx context.Context) (map[string]int64, error) {
	totals := map[string]int64{}
	err := d.look(ctx, "reading downloads", func(ctx context.Context, q querier) error {
		_, err := all(ctx, q, func(r row) (struct{}, error) {
			var listing string
			var count int64
			err := r.Scan(&listing, &count)
			totals[listing] = count
			return struct{}{}, err
		}, `SELECT listing, count FROM download_totals`)
		return err
	})
	return totals, err
}

// dayOf is the number of a day since 1970, in UTC.
func dayOf(t time.Time) int64 { return t.UTC().Truncate(24*time.Hour).Unix() / 86400 }
