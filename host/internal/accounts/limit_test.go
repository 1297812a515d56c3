package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTriesOfOneAddress(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	for i := range maxOfAddress {
		_, err := h.SignIn(t.Context(), fmt.Sprintf("guess%d", i), goodWord, here)
		wantCode(t, err, Unauthenticated)
	}
	_, err := h.SignIn(t.Context(), "vera", goodWord, here)
	if e := wantCode(t, err, Exhausted); e.After <= 0 || e.After > addressWindow+time.Second {
		t.Errorf("wait %s", e.After)
	}
	_, err = h.SignInWithAdminToken(t.Context(), adminToken, here)
	wantCode(t, err, Exhausted)
	if _, err := h.SignIn(t.Context(), "vera", goodWord, Origin{Remote: "192.0.2.2"}); err != nil {
		t.Errorf("another address: %v", err)
	}
	h.pass(addressWindow)
	if _, err := h.SignIn(t.Context(), "vera", goodWord, here); err != nil {
		t.Errorf("after the window: %v", err)
	}
}

// A guesser with many addresses is held up by the name, and whoever is not there looks
// the same.
func TestTriesForOneName(t *testing.T) {
	for _, name := range []string{"vera", "nobody"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.add("vera", Viewer)
			for i := range maxOfName {
				_, err := h.SignIn(t.Context(), name, otherWord, Origin{Remote: fmt.Sprintf("192.0.2.%d", i)})
				wantCode(t, err, Unauthenticated)
			}
			_, err := h.SignIn(t.Context(), name, goodWord, Origin{Remote: "198.51.100.1"})
			if e := wantCode(t, err, Exhausted); e.After <= 0 || e.After > nameWindow+time.Second {
				t.Errorf("wait %s", e.After)
			}
			if _, err := h.SignInWithAdminToken(t.Context(), adminToken, here); err != nil {
				t.Errorf("the administrator's token: %v", err)
			}
		})
	}
}

// A refused sign-in is written down once in a window and a lock-out once, whatever many
// there are.
func TestRefusedSignInsAreWrittenDownOnce(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	before := len(h.audited())
	for range 5 * maxOfAddress {
		_, _ = h.SignIn(t.Context(), "vera", otherWord, here)
	}
	want := []string{"host sign-in-failed vera", "host lock-out vera"}
	if got := h.audited()[before:]; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if n := strings.Count(h.log.String(), "refused"); n != 2 {
		t.Errorf("%d lines in the log:\n%s", n, h.log.String())
	}
}

// Who leaves before the answer is written down all the same.
func TestRefusedSignInOfWhoHasLeft(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	before := len(h.audited())
	ctx, cancel := context.WithCancel(t.Context())
	u := h.user("vera")
	tried, err := h.try(u, "vera", here)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	tried.wrong(ctx)
	if got := h.audited()[before:]; !slices.Equal(got, []string{"host sign-in-failed vera"}) {
		t.Errorf("got %q", got)
	}
}

// Tries at the same time count each: a hundred at once are not one.
func TestTriesAtOnce(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	var looked atomic.Int32
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			_, err := h.SignIn(t.Context(), "vera", otherWord, here)
			if e, ok := err.(*Error); ok && e.Code == Unauthenticated {
				looked.Add(1)
			}
		})
	}
	group.Wait()
	if n := looked.Load(); n > maxOfAddress {
		t.Errorf("%d passwords were looked at", n)
	}
}

// Right ones do not count, and give no more tries for wrong ones.
func TestRightOnesDoNotCount(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	h.add("eve", Viewer)
	wrongOnes := 0
	for range 2 * maxOfAddress {
		h.signIn("eve")
		if _, err := h.SignIn(t.Context(), "vera", otherWord, here); err.(*Error).Code == Unauthenticated {
			wrongOnes++
		}
		if wrongOnes == maxOfAddress {
			break
		}
	}
	_, err := h.SignIn(t.Context(), "vera", otherWord, here)
	wantCode(t, err, Exhausted)
}

func TestLimitsAreBounded(t *testing.T) {
	now := time.Now()
	l := newLimit(3, time.Minute)
	for i := range 10 * maxCounted {
		l.begin(fmt.Sprint(i), false, now)
	}
	if n := len(l.counts); n > maxCounted+1 {
		t.Errorf("%d counts", n)
	}
	if l.begin("new", false, now) == 0 {
		t.Error("beyond the bound those that are new do not count as one")
	}
	if l.begin("a user", true, now) != 0 {
		t.Error("a user has no count of their own")
	}
}

func TestNetworks(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::/64", "2001:db8::ffff:1": "2001:db8::/64",
		"2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "@": "@",
	} {
		if got := network(remote); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

// Only two passwords are hashed at once, and only so many wait.
func TestHashesAreBounded(t *testing.T) {
	h := newHasher(cost{Memory: 64, Passes: 1, Threads: 1})
	var done []func()
	for range hashesAtOnce {
		free, err := h.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, free)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range hashesWaiting {
		group.Go(func() {
			if _, err := h.turn(ctx); err == nil {
				t.Error("a third hash began")
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); len(h.waiting) < cap(h.waiting); {
		if time.Now().After(deadline) {
			t.Fatal("they do not wait")
		}
		time.Sleep(time.Millisecond)
	}
	_, err := h.turn(t.Context())
	wantCode(t, err, Unavailable)
	cancel()
	group.Wait()
	for _, free := range done {
		free()
	}
	if _, err := h.turn(t.Context()); err != nil {
		t.Errorf("after all: %v", err)
	}
}
