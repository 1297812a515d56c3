package deploy

import (
	"errors"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// upgraded brings a world to where v1 serves and v2 is prepared beside it.
func upgraded(w *world, v1, v2 *version) (first, second *instance) {
	w.t.Helper()
	w.want.Version = v1
	w.expect("launch v1#1")
	w.last().running()
	w.expect("healthy v1", "note started v1")
	w.want.Version = v2
	w.expect("launch held, 5 tries, v2#2")
	w.serves("v1#1")
	w.last().prepared()
	return w.instances[0], w.instances[1]
}

func TestOverlap(t *testing.T) {
	inWorld(t, func(w *world) {
		_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
		w.expect("activate v2#2")
		w.serves("v1#1")
		second.running()
		w.expect("healthy v2", "note upgraded v2")
		w.serves("v2#2")
		time.Sleep(29 * time.Second)
		w.expect() // the old one is kept warm
		time.Sleep(2 * time.Second)
		w.expect("note confirmed v2", "stop v1#1")
		w.serves("v2#2")
	})
}

func TestOverlapIsKeptAsLongAsItDrains(t *testing.T) {
	inWorld(t, func(w *world) {
		w.want.Settings.Drain = time.Minute
		_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
		w.expect("activate v2#2")
		second.running()
		w.expect("healthy v2", "note upgraded v2")
		time.Sleep(59 * time.Second)
		w.expect()
		time.Sleep(time.Second)
		w.expect("note confirmed v2", "stop v1#1")
	})
}

func TestExclusive(t *testing.T) {
	inWorld(t, func(w *world) {
		first, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
		first.slow = make(chan struct{})
		w.expect("prepare v1", "hold", "stop v1#1 held")
		w.serves("v1#1")
		if !w.d.View().Held {
			t.Error("requests are not held")
		}
		close(first.slow)
		w.expect("take v1", "activate v2#2")
		second.running()
		w.expect("healthy v2", "note upgraded v2", "done ", "release")
		w.serves("v2#2")
		time.Sleep(31 * time.Second)
		w.expect("note confirmed v2")
	})
}

// Two versions never share a data folder if one of them says so.
func TestOneExclusiveVersionIsEnough(t *testing.T) {
	for _, c := range []struct {
		name   string
		v1, v2 bool
	}{{"the old one", true, false}, {"the new one", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				_, second := upgraded(w, &version{w, "v1", c.v1}, &version{w, "v2", c.v2})
				w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "activate v2#2")
				second.running()
				w.expect("healthy v2", "note upgraded v2", "done ", "release")
			})
		})
	}
}

func TestTheOldVersionIsKept(t *testing.T) {
	for _, c := range []struct {
		name  string
		story func(w *world)
	}{
		{"when the new one never becomes healthy", func(w *world) {
			w.want.Version = w.exclusive("v1")
			w.settle()
			w.last().running()
			w.settle()
			w.happened = nil
			w.want.Version = w.exclusive("v2")
			w.expect("launch held, 5 tries, v2#2")
			w.last().fail(lifecycle.Failed, "init_failed")
			w.expect("rejected v2: init_failed", "stop v2#2")
			w.expect() // and is not tried again
			w.serves("v1#1")
		}},
		{"when the new one dies before it is activated", func(w *world) {
			_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			second.fail(lifecycle.Backoff, "crashed")
			w.expect()
			second.fail(lifecycle.Failed, "crashed")
			w.expect("rejected v2: crashed", "stop v2#2")
			w.serves("v1#1")
		}},
		{"when the activation beside it fails", func(w *world) {
			_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			w.expect("activate v2#2")
			second.fail(lifecycle.Failed, "init_failed")
			w.expect("rejected v2: init_failed", "stop v2#2")
			w.serves("v1#1")
		}},
		{"and comes back with its data when the activation fails", func(w *world) {
			_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "activate v2#2")
			second.fail(lifecycle.Failed, "init_failed")
			w.expect("rejected v2: init_failed", "stop v2#2 held", "restore v1", "note data_restored v1", "launch v1#3")
			w.last().running()
			w.expect("healthy v1", "note reverted v1", "done ", "release")
			w.serves("v1#3")
		}},
		{"and comes back when the new one dies while the old one drains", func(w *world) {
			first, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			first.slow = make(chan struct{})
			w.expect("prepare v1", "hold", "stop v1#1 held")
			second.fail(lifecycle.Backoff, "crashed")
			w.expect()
			close(first.slow)
			w.expect("take v1", "rejected v2: crashed", "stop v2#2 held", "restore v1", "note data_restored v1", "launch v1#3")
			w.last().running()
			w.expect("healthy v1", "note reverted v1", "done ", "release")
		}},
		{"untouched when its data cannot be copied", func(w *world) {
			w.dataErr["prepare"] = errors.New("disk full")
			upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.expect("prepare v1", "rejected v2: launch_failed", "stop v2#2")
			w.serves("v1#1")
		}},
		{"and comes back when the copy cannot be completed", func(w *world) {
			w.dataErr["take"] = errors.New("disk full")
			upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "rejected v2: launch_failed", "stop v2#2 held", "launch v1#3")
			w.last().running()
			w.expect("healthy v1", "note reverted v1", "done ", "release")
		}},
		{"and held requests are let go when it does not come back either", func(w *world) {
			_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.settle()
			second.fail(lifecycle.Failed, "init_failed")
			w.settle()
			w.happened = nil
			w.last().fail(lifecycle.Backoff, "crashed")
			w.expect("done ", "release")
			w.serves("v1#3")
		}},
	} {
		t.Run(c.name, func(t *testing.T) { inWorld(t, c.story) })
	}
}

func TestDataThatAreTooBigAreNotCopied(t *testing.T) {
	inWorld(t, func(w *world) {
		w.dataErr["prepare"] = &TooBigError{Bytes: 2, Max: 1}
		w.dataErr["take"] = &TooBigError{Bytes: 2, Max: 1}
		_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
		w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "note no_snapshot v2", "activate v2#2")
		second.fail(lifecycle.Failed, "init_failed")
		w.expect("rejected v2: init_failed", "stop v2#2 held", "launch v1#3") // with what is there
		w.last().running()
		w.expect("healthy v1", "note reverted v1", "done ", "release")
	})
}

func TestProbation(t *testing.T) {
	t.Run("overlap switches back at once", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			w.settle()
			second.running()
			w.settle()
			w.happened = nil
			second.fail(lifecycle.Starting, "crashed")
			w.expect("rejected v2: crashed", "healthy v1", "note reverted v1", "stop v2#2")
			w.serves("v1#1")
		})
	})
	t.Run("exclusive launches the old one again with the data as they are", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.settle()
			second.running()
			w.settle()
			w.happened = nil
			second.fail(lifecycle.Starting, "crashed")
			w.expect("hold", "rejected v2: crashed", "stop v2#2 held", "launch v1#3")
			w.last().running()
			w.expect("healthy v1", "note reverted v1", "done ", "release")
		})
	})
	t.Run("and with the copy if it cannot live with those", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.settle()
			second.running()
			w.settle()
			second.fail(lifecycle.Starting, "crashed")
			w.settle()
			w.happened = nil
			w.last().fail(lifecycle.Backoff, "init_failed")
			w.expect("stop v1#3 held", "restore v1", "note data_restored v1", "launch v1#4")
			w.last().running()
			w.expect("healthy v1", "note reverted v1", "done ", "release")
			w.serves("v1#4")
		})
	})
	t.Run("a newer candidate ends it", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			w.settle()
			second.running()
			w.settle()
			w.happened = nil
			w.want.Version = w.overlap("v3")
			w.expect("launch held, 5 tries, v3#3")
			w.last().prepared()
			w.expect("stop v1#1", "activate v3#3")
			w.last().running()
			w.expect("healthy v3", "note upgraded v3")
			w.last().fail(lifecycle.Starting, "crashed")
			w.expect("rejected v3: crashed", "healthy v2", "note reverted v2", "stop v3#3")
			w.serves("v2#2")
		})
	})
	t.Run("a death in it comes before a newer candidate", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			w.settle()
			second.running()
			w.settle()
			w.want.Version = w.overlap("v3")
			w.settle()
			w.happened = nil
			second.fail(lifecycle.Starting, "crashed")
			w.expect("stop v3#3", "rejected v2: crashed", "healthy v1", "note reverted v1", "launch held, 5 tries, v3#4", "stop v2#2")
		})
	})
}

func TestFirstStart(t *testing.T) {
	t.Run("waits for what it needs", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.want.Version, w.want.Blocked = w.overlap("v1"), true
			w.expect()
			w.want.Blocked = false
			w.expect("launch v1#1")
			w.last().running()
			w.want.Blocked = true // what it needs went away, later
			w.expect("healthy v1", "note started v1")
		})
	})
	t.Run("a version that never ran gives way at once", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.want.Version = w.overlap("v1")
			w.expect("launch v1#1")
			w.want.Version = w.overlap("v2")
			w.expect() // it may still come up
			w.instances[0].fail(lifecycle.Backoff, "init_failed")
			w.expect("stop v1#1", "launch v2#2")
			w.last().running()
			w.expect("healthy v2", "note started v2")
		})
	})
	t.Run("what was healthy before the restart is there first", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.want.Version, w.want.Fallback = w.overlap("v2"), w.overlap("v1")
			w.expect("launch v1#1")
			w.last().running()
			w.expect("healthy v1", "note started v1", "launch held, 5 tries, v2#2")
			w.last().fail(lifecycle.Failed, "check_failed")
			w.expect("rejected v2: check_failed", "stop v2#2")
			w.serves("v1#1")
		})
	})
	t.Run("and gives way if it does not come up", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.want.Version, w.want.Fallback = w.overlap("v2"), w.overlap("v1")
			w.expect("launch v1#1")
			w.last().fail(lifecycle.Backoff, "crashed")
			w.expect("stop v1#1", "launch v2#2")
			w.last().running()
			w.expect("healthy v2", "note started v2")
		})
	})
}

func TestRestart(t *testing.T) {
	t.Run("is an upgrade to itself", func(t *testing.T) {
		inWorld(t, func(w *world) {
			v1 := w.exclusive("v1")
			w.want.Version = v1
			w.settle()
			w.last().running()
			w.settle()
			w.happened = nil
			w.want.Restart++
			w.expect("launch held, 5 tries, v1#2")
			w.last().prepared()
			w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "activate v1#2")
			w.last().running()
			w.expect("healthy v1", "note restarted v1", "done ", "release")
			w.last().fail(lifecycle.Starting, "crashed") // no probation: it is the same version
			w.expect()
			w.serves("v1#2")
		})
	})
	t.Run("that fails changes nothing", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.want.Version = w.overlap("v1")
			w.settle()
			w.last().running()
			w.settle()
			w.happened = nil
			w.want.Restart++
			w.expect("launch held, 5 tries, v1#2")
			w.last().fail(lifecycle.Failed, "init_failed")
			w.expect("not renewed v1: init_failed", "note kept v1", "stop v1#2")
			w.serves("v1#1")
		})
	})
	t.Run("of what failed is another try", func(t *testing.T) {
		inWorld(t, func(w *world) {
			w.want.Version = w.overlap("v1")
			w.settle()
			w.last().fail(lifecycle.Failed, "types_mismatch")
			w.settle()
			w.happened = nil
			w.want.Restart++
			w.expect("retry v1#1")
			w.want.Retry++
			w.expect("retry v1#1")
		})
	})
}

func TestRetryTriesARejectedVersionAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
		second.fail(lifecycle.Failed, "check_failed")
		w.expect("rejected v2: check_failed", "stop v2#2")
		w.want.Retry++
		w.expect("retry v1#1", "launch held, 5 tries, v2#3")
	})
}

func TestRemovalAndDisabling(t *testing.T) {
	t.Run("end everything", func(t *testing.T) {
		inWorld(t, func(w *world) {
			first, _ := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			first.slow = make(chan struct{})
			w.want.Version = nil
			w.expect("stop v1#1", "stop v2#2")
			w.serves("v1#1") // it drains
			if w.d.View().Idle {
				t.Error("a process that drains is there")
			}
			close(first.slow)
			w.expect()
			if !w.d.View().Idle {
				t.Error("something is left")
			}
			w.want.Version = w.overlap("v2")
			w.expect("launch v2#3")
		})
	})
	t.Run("end a probation", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.overlap("v1"), w.overlap("v2"))
			w.settle()
			second.running()
			w.settle()
			w.happened = nil
			w.want.Version = nil
			w.settle()
			if !w.d.View().Idle {
				t.Error("something is left")
			}
		})
	})
	t.Run("wait for a hand-over to end", func(t *testing.T) {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
			w.settle()
			w.happened = nil
			w.want.Version = nil
			w.expect()
			second.running()
			w.settle()
			if !w.d.View().Idle {
				t.Error("something is left")
			}
		})
	})
}

func TestRollBackWithData(t *testing.T) {
	inWorld(t, func(w *world) {
		w.want.RestoreData = true
		_, second := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
		w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "restore v2", "note data_restored v2", "activate v2#2")
		second.running()
		w.expect("healthy v2", "note upgraded v2", "done ", "release")
	})
}

func TestAChangedMind(t *testing.T) {
	inWorld(t, func(w *world) {
		v1 := w.overlap("v1")
		_, _ = upgraded(w, v1, w.overlap("v2"))
		w.want.Version = w.overlap("v3")
		w.expect("launch held, 5 tries, v3#3", "stop v2#2")
		w.want.Version = v1
		w.expect("stop v3#3")
		w.serves("v1#1")
	})
}

func TestStopInTheMiddleOfAHandOver(t *testing.T) {
	inWorld(t, func(w *world) {
		first, _ := upgraded(w, w.exclusive("v1"), w.exclusive("v2"))
		first.slow = make(chan struct{})
		w.settle()
		close(first.slow)
	})
}

// A roll back with data goes the exclusive way, whatever the versions say of themselves.
func TestRollBackWithDataOfOverlappingVersions(t *testing.T) {
	inWorld(t, func(w *world) {
		w.want.RestoreData = true
		w.dataErr["take"] = &TooBigError{Bytes: 2, Max: 1} // what is there is set aside as it is
		upgraded(w, w.overlap("v1"), w.overlap("v2"))
		w.expect("prepare v1", "hold", "stop v1#1 held", "take v1", "restore v2", "note no_snapshot v2",
			"note data_restored v2", "activate v2#2")
		w.last().running()
		w.expect("healthy v2", "note upgraded v2", "done ", "release")
	})
}

func TestARestartDoesNotEndAProbation(t *testing.T) {
	for _, exclusive := range []bool{false, true} {
		inWorld(t, func(w *world) {
			_, second := upgraded(w, &version{w, "v1", exclusive}, &version{w, "v2", exclusive})
			w.settle()
			second.running()
			w.settle()
			w.want.Restart++
			w.settle()
			w.last().prepared()
			w.settle()
			w.last().running()
			w.settle()
			w.serves("v2#3")
			w.last().fail(lifecycle.Starting, "crashed")
			w.settle()
			if exclusive {
				w.serves("v1#4")
				w.last().running()
				w.settle()
				return
			}
			w.serves("v1#1")
		})
	}
}
