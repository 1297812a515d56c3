package database_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// The size that is measured at, with ten releases each:
//
//	go test -run - -bench Capacity -timeout 30m ./store/server/internal/database -listings 100000
var listings = flag.Int("listings", 2000, "how many listings the benchmarks fill a database with")

// BenchmarkCapacity fills a database, and says what that takes, how long a replica reads to
// catch up from nothing, and how long searches and publishes take.
func BenchmarkCapacity(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { capacity(b, backends.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { capacity(b, backends.Postgres(b)) })
}

func capacity(b *testing.B, on backends.Backend) {
	start := time.Now()
	if err := backends.Fill(b.Context(), on.Database, *listings, 10); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d listings with 10 releases: %.1f s to fill, %d MiB on the disk", *listings, time.Since(start).Seconds(), size(b, on)>>20)

	start = time.Now()
	var bytes, after int64
	for more := true; more; {
		c, err := on.Database.Changes(b.Context(), after, 1000)
		if err != nil {
			b.Fatal(err)
		}
		for _, doc := range c.Documents {
			bytes += int64(len(doc.Gzip))
		}
		after, more = c.Sequence, c.More
	}
	b.Logf("Changes from 0: %.2f s, %d MiB", time.Since(start).Seconds(), bytes>>20)

	r := rand.New(rand.NewPCG(8, 8))
	for _, kind := range []struct {
		name  string
		query func() database.Query
	}{
		{"two words of a name", func() database.Query { return database.Query{Text: some(r).Texts[""].Name} }},
		{"a word as it is typed", func() database.Query {
			name := some(r).Texts[""].Name
			return database.Query{Text: name[:1+r.IntN(5)]}
		}},
		{"three words of a text", func() database.Query {
			words := strings.Fields(some(r).Texts["de"].Description)
			return database.Query{Text: strings.Join(words[:3], " ")}
		}},
		{"a phrase", func() database.Query {
			words := strings.Fields(some(r).Texts["fr"].Description)
			return database.Query{Text: `"` + strings.Join(words[4:7], " ") + `"`}
		}},
		{"a word and filters", func() database.Query {
			l := some(r)
			return database.Query{Text: strings.Fields(l.Texts[""].Description)[0], Platform: "linux-riscv64", Label: l.Labels[0]}
		}},
		{"what is not there", func() database.Query { return database.Query{Text: "zzz" + strconv.Itoa(r.Int())} }},
		{"the most frequent word", func() database.Query { return database.Query{Text: "ka" + "ro "} }},
	} {
		b.Run(strings.ReplaceAll(kind.name, " ", "-"), func(b *testing.B) {
			var m meter
			for range b.N {
				q := kind.query()
				q.Limit = 50
				m.time(func() {
					if _, err := on.Database.Search(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				})
			}
			m.report(b)
		})
	}
	b.Run("publish", func(b *testing.B) {
		var m meter
		for i := range b.N {
			l := some(r)
			next := release(l.ID, "9.0."+strconv.Itoa(i)+"."+strconv.Itoa(r.Int()))
			m.time(func() {
				if _, err := on.Database.Publish(b.Context(), database.Key{ID: l.ID}, func(c database.Current) (database.Change, error) {
					c.Listing.Releases = append([]store.Release{next}, c.Listing.Releases...)
					return database.Change{Listing: c.Listing}, nil
				}); err != nil {
					b.Fatal(err)
				}
			})
		}
		m.report(b)
	})
	b.Logf("the most memory that the process has had: %s", peak(b))
}

func some(r *rand.Rand) *store.Listing { return backends.Listing(r.IntN(*listings), 1) }

// meter keeps how long things took, and how much of that the process was computing: on a
// machine that others use, too, the first says little.
type meter struct{ wall, cpu []time.Duration }

func (m *meter) time(do func()) {
	start, used := time.Now(), cpu()
	do()
	m.wall, m.cpu = append(m.wall, time.Since(start)), append(m.cpu, cpu()-used)
}

// report reports the medians and the slowest of a hundred.
func (m *meter) report(b *testing.B) {
	for name, times := range map[string][]time.Duration{"": m.wall, "cpu-": m.cpu} {
		slices.Sort(times)
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(times[len(times)/2]), name+"p50-ms")
		b.ReportMetric(ms(times[len(times)*99/100]), name+"p99-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// cpu is the time that this process has computed.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// size is what the database needs on the disk.
func size(b *testing.B, on backends.Backend) (n int64) {
	if on.Name == "postgres" {
		if err := on.Raw(b).QueryRowContext(b.Context(), `SELECT pg_database_size(current_database())`).Scan(&n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	for _, name := range []string{on.DatabaseURL, on.DatabaseURL + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

// peak is the high water mark of the process's memory.
func peak(b *testing.B) string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	return string(regexp.MustCompile(`(?m)^VmHWM:\s*(.*)$`).FindSubmatch(data)[1])
}
