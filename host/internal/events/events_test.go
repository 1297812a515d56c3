package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
)

func feed(gone int) *Feed[int] {
	return New(Config[int]{Subscribers: 2, Gone: gone, Opening: func(v int) bool { return v >= 0 }})
}

// rest are the events that are there, in words, and the number of the last.
func rest(t *testing.T, s *Subscription[int]) (told []string, last uint64) {
	t.Helper()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for {
		e, err := s.Next(ended)
		switch {
		case errors.Is(err, context.Canceled):
			return told, last
		case err == io.EOF:
			return append(told, "end"), last
		case err != nil:
			t.Fatal(err)
		case e.Reset:
			told = append(told, "reset")
		case e.Gone:
			told = append(told, "-"+e.Key)
		default:
			told = append(told, fmt.Sprintf("%s=%d", e.Key, e.Value))
		}
		last = e.Seq
	}
}

func subscribe(t *testing.T, f *Feed[int], after uint64) *Subscription[int] {
	t.Helper()
	s, err := f.Subscribe(after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func want(t *testing.T, s *Subscription[int], told ...string) uint64 {
	t.Helper()
	got, last := rest(t, s)
	if fmt.Sprint(got) != fmt.Sprint(told) {
		t.Fatalf("told %v, want %v", got, told)
	}
	return last
}

func TestWhoBeginsSeesHowThingsStandAndThenWhatChanges(t *testing.T) {
	f := feed(10)
	f.Set("a", 1)
	f.Set("b", 2)
	f.Set("old", -1) // not for who begins
	f.Set("a", 3)
	f.Set("gone", 1)
	f.Remove("gone")
	s := subscribe(t, f, 0)
	want(t, s, "b=2", "a=3")
	f.Set("old", -2)
	f.Remove("b")
	f.Remove("b")
	f.Remove("never there")
	want(t, s, "old=-2", "-b")
}

func TestWhoIsSlowIsToldTheLast(t *testing.T) {
	f := feed(10)
	s := subscribe(t, f, 0)
	for i := range 1000 {
		f.Set("a", i)
		f.Set("b", -i)
	}
	f.Remove("b")
	f.Set("b", 7)
	want(t, s, "a=999", "b=7")
}

func TestWhoComesBackGetsWhatItHasMissed(t *testing.T) {
	f := feed(2)
	for _, key := range []string{"a", "b", "c", "d"} {
		f.Set(key, 1)
	}
	first := subscribe(t, f, 0)
	seen := want(t, first, "a=1", "b=1", "c=1", "d=1")
	first.Close()

	f.Set("b", 2)
	f.Remove("a")
	again := subscribe(t, f, seen)
	want(t, again, "b=2", "-a")
	again.Close()

	f.Remove("b")
	f.Remove("c") // the third that is gone: that a is gone is forgotten
	again = subscribe(t, f, seen)
	want(t, again, "reset", "d=1")
	f.Set("d", 2)
	want(t, again, "d=2")
}

func TestNumbersOfOthersAreAReset(t *testing.T) {
	f := feed(2)
	f.Set("a", 1)
	s := subscribe(t, f, 0)
	last := want(t, s, "a=1")
	s.Close()
	for name, after := range map[string]uint64{"an earlier feed": 17, "a later feed": last + 1, "none": ^uint64(0)} {
		t.Run(name, func(t *testing.T) {
			s := subscribe(t, f, after)
			want(t, s, "reset", "a=1")
		})
	}
	// Who is lost between the reset and the rest is reset again.
	s = subscribe(t, f, 17)
	e, err := s.Next(t.Context())
	if err != nil || !e.Reset {
		t.Fatal(e, err)
	}
	s.Close()
	want(t, subscribe(t, f, e.Seq), "reset", "a=1")
}

func TestWhoIsTooSlowForWhatIsGoneIsReset(t *testing.T) {
	f := feed(1)
	f.Set("a", 1)
	f.Set("b", 1)
	s := subscribe(t, f, 0)
	want(t, s, "a=1", "b=1")
	f.Set("c", 1)
	f.Remove("a")
	f.Remove("b")
	want(t, s, "reset", "c=1")
	f.Set("c", 2)
	want(t, s, "c=2")
}

func TestSubscribersAreBoundedAndGivenBackOnce(t *testing.T) {
	f := feed(1)
	a, b := subscribe(t, f, 0), subscribe(t, f, 0)
	if _, err := f.Subscribe(0); !errors.Is(err, ErrTooMany) {
		t.Fatal("a third subscriber: ", err)
	}
	a.Close()
	a.Close()
	subscribe(t, f, 0)
	if _, err := f.Subscribe(0); !errors.Is(err, ErrTooMany) {
		t.Fatal("one was given back twice: ", err)
	}
	_ = b
}

func TestAClosedFeedTellsTheRestAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feed(1)
		s := subscribe(t, f, 0)
		var told []string
		var done sync.WaitGroup
		done.Go(func() {
			for {
				e, err := s.Next(context.Background())
				if err != nil {
					told = append(told, err.Error())
					return
				}
				told = append(told, e.Key)
			}
		})
		synctest.Wait()
		f.Set("a", 1)
		f.Close()
		f.Close()
		f.Set("b", 1)
		done.Wait()
		if fmt.Sprint(told) != "[a EOF]" {
			t.Fatal(told)
		}
	})
}

func TestForgottenKeysAreNeverMentioned(t *testing.T) {
	f := feed(1)
	f.Set("a", 1)
	s := subscribe(t, f, 0)
	f.Forget("a")
	f.Forget("a")
	if _, ok := f.Get("a"); ok {
		t.Fatal("it is still there")
	}
	want(t, s)
	f.Set("b", 2)
	if v, ok := f.Get("b"); !ok || v != 2 {
		t.Fatal(v, ok)
	}
}

// Whatever happens, and whenever a subscriber is lost and comes back: in the end it knows
// what is.
func TestASubscriberKnowsWhatIs(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		f := feed(3)
		is, knows := map[string]int{}, map[string]int{}
		s := subscribe(t, f, 0)
		seen := uint64(0)
		step := func() bool {
			e, wait, err := s.next()
			if wait != nil || err != nil {
				return false
			}
			switch {
			case e.Reset:
				clear(knows)
			case e.Gone:
				delete(knows, e.Key)
			default:
				knows[e.Key] = e.Value
			}
			seen = e.Seq
			return true
		}
		for range 300 {
			key := fmt.Sprint(random.IntN(8))
			switch random.IntN(6) {
			case 0:
				f.Remove(key)
				delete(is, key)
			case 1, 2:
				value := random.IntN(100)
				f.Set(key, value)
				is[key] = value
			case 3, 4:
				step()
			case 5:
				if random.IntN(8) == 0 {
					s.Close()
					s = subscribe(t, f, seen)
				}
			}
		}
		for step() {
		}
		if !maps.Equal(is, knows) {
			t.Fatalf("seed %d: the subscriber knows %v, it is %v", seed, knows, is)
		}
		s.Close()
	}
}
