package database

import (
	"context"
	"time"
)

// Downloads counts how often a file of a release was fetched on one day; there is nothing
// of who fetched it.
type Downloads struct {
	Day      time.Time // UTC midnight; the first of the month for what is older than MonthlyAfter
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
	return d.addDownloads(ctx, counts)
}

// Downloads returns counts, newest day first.
func (d *Database) Downloads(ctx context.Context, f DownloadFilter) ([]Downloads, error) {
	return d.downloads(ctx, f)
}

// DownloadTotals returns for each listing that was fetched how often, in all.
func (d *Database) DownloadTotals(ctx context.Context) (map[string]int64, error) {
	return d.downloadTotals(ctx)
}
