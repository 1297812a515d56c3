package host

import (
	"fmt"
	"testing"
	"time"
)

// What a look at 200 rows costs, of which there are four a second at most.
func BenchmarkTell(b *testing.B) {
	h := &Host{feed: newFeed()}
	now := time.Now()
	rowsOf := func(restarts int) []row {
		var rows []row
		for n := range 200 {
			e := Extension{
				ID: fmt.Sprint("org.example.Extension", n), Name: "An extension", State: "running", PID: n, Started: &now,
				Grants: make([]Grant, 4), Versions: make([]Version, 4), Sandbox: make([]Protection, 6), Permissions: make([]string, 4),
			}
			if n == 0 {
				e.Restarts = restarts
			}
			rows = append(rows, row{Extension: e})
		}
		return rows
	}
	one, two := rowsOf(1), rowsOf(2)
	told := map[string]Extension{}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%2 == 0 {
			h.tell(told, one)
		} else {
			h.tell(told, two)
		}
	}
}
