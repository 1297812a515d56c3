package sqlitefile

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackupNamesOnlyRise(t *testing.T) {
	names := []string{"jackfield-20990101T000000.000Z.db"}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	next := backupName(now, names)
	if next != "jackfield-20990101T000000.001Z.db" || !slices.IsSorted(append(names, next)) {
		t.Errorf("after %v came %s", names, next)
	}
	if got := backupName(now, nil); got != "jackfield-20260101T000000.000Z.db" {
		t.Errorf("the first is %s", got)
	}
}

func TestSettle(t *testing.T) {
	for name, c := range map[string]struct {
		changes, want time.Duration // how long it changes every half a second
	}{
		"a single change":         {0, quiet},
		"a row of changes":        {3 * time.Second, 3*time.Second + quiet},
		"changes that do not end": {time.Minute, latest},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &File{dirty: make(chan struct{}, 1)}
				begin := time.Now()
				var changing sync.WaitGroup
				defer changing.Wait()
				changing.Go(func() {
					for time.Since(begin) < c.changes {
						time.Sleep(quiet / 2)
						f.Changed()
					}
				})
				f.settle(t.Context())
				if took := time.Since(begin); took != c.want {
					t.Errorf("it settled after %v, want %v", took, c.want)
				}
			})
		})
	}
}
