package sdktest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// ConformKeyValue checks what every sdk.KeyValue promises. Open returns an empty one
// with a quota in bytes, each time it is called.
func ConformKeyValue(t *testing.T, open func(t *testing.T, quota int64) sdk.KeyValue) {
	for _, part := range []struct {
		name  string
		check func(t *testing.T, kv sdk.KeyValue)
	}{
		{"what is not there", kvMissing},
		{"what goes in comes out", kvRoundTrip},
		{"what may not be asked", kvRefused},
		{"versions and comparing", kvVersions},
		{"entries that expire", kvExpiry},
		{"lists", kvLists},
		{"long lists", kvPages},
		{"many writers lose nothing", kvRace},
		{"nobody waits any more", kvCanceled},
	} {
		t.Run(part.name, func(t *testing.T) { part.check(t, open(t, DefaultQuota)) })
	}
	t.Run("quota", func(t *testing.T) { kvQuota(t, open(t, 16<<10)) })
}

func mustPut(t *testing.T, kv sdk.KeyValue, key, value string) uint64 {
	t.Helper()
	version, err := kv.Put(t.Context(), key, []byte(value), 0)
	if err != nil {
		t.Fatalf("putting %q: %v", key, err)
	}
	return version
}

// wantCode fails unless err has this code, "" for none.
func wantCode(t *testing.T, what string, err error, code sdk.Code) {
	t.Helper()
	if sdk.CodeOf(err) != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

func kvMissing(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	_, err := kv.Get(ctx, "a")
	wantCode(t, "get", err, sdk.NotFound)
	wantCode(t, "delete", kv.Delete(ctx, "a"), "")
	wantCode(t, "delete version 0", kv.CompareAndDelete(ctx, "a", 0), "")
	wantCode(t, "delete version 1", kv.CompareAndDelete(ctx, "a", 1), sdk.Conflict)
	_, err = kv.CompareAndSet(ctx, "a", 1, nil, 0)
	wantCode(t, "set version 1", err, sdk.Conflict)
	page, err := kv.List(ctx, "", "", 0)
	wantCode(t, "list", err, "")
	if len(page.Entries) != 0 || page.Next != "" {
		t.Errorf("an empty store lists %+v", page)
	}
}

func kvRoundTrip(t *testing.T, kv sdk.KeyValue) {
	values := map[string][]byte{
		"a": []byte("text"), "b": {}, "c": nil, "\x00": {0, 1, 2, 0xff}, "d'\"%_;--": []byte("'"), "ключ/🔑": []byte("é"),
		strings.Repeat("k", sdk.MaxKeyBytes): bytes.Repeat([]byte{7}, sdk.MaxValueBytes),
	}
	for key, value := range values {
		if _, err := kv.Put(t.Context(), key, value, 0); err != nil {
			t.Errorf("putting %.20q: %v", key, err)
		}
	}
	for key, value := range values {
		e, err := kv.Get(t.Context(), key)
		if err != nil || e.Key != key || !bytes.Equal(e.Value, value) || e.Version == 0 || !e.Expires.IsZero() {
			t.Errorf("%.20q: got %.20q, %d bytes, %d, %v, %v", key, e.Key, len(e.Value), e.Version, e.Expires, err)
		}
	}
	mustPut(t, kv, "a", "other")
	if e, err := kv.Get(t.Context(), "a"); err != nil || string(e.Value) != "other" {
		t.Errorf("written twice: %q, %v", e.Value, err)
	}
	wantCode(t, "delete", kv.Delete(t.Context(), "a"), "")
	_, err := kv.Get(t.Context(), "a")
	wantCode(t, "get what was deleted", err, sdk.NotFound)
}

func kvRefused(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	for key, code := range map[string]sdk.Code{
		"": sdk.InvalidArgument, "\xff": sdk.InvalidArgument, strings.Repeat("k", sdk.MaxKeyBytes+1): sdk.TooLarge,
	} {
		_, err := kv.Get(ctx, key)
		wantCode(t, "get", err, code)
		_, err = kv.Put(ctx, key, nil, 0)
		wantCode(t, "put", err, code)
		_, err = kv.CompareAndSet(ctx, key, 0, nil, 0)
		wantCode(t, "compare and set", err, code)
		wantCode(t, "delete", kv.Delete(ctx, key), code)
		wantCode(t, "compare and delete", kv.CompareAndDelete(ctx, key, 0), code)
		if key != "" {
			_, err = kv.List(ctx, key, "", 0)
			wantCode(t, "list", err, code)
			_, err = kv.List(ctx, "", key, 0)
			wantCode(t, "list after", err, code)
		}
	}
	_, err := kv.Put(ctx, "a", make([]byte, sdk.MaxValueBytes+1), 0)
	wantCode(t, "a large value", err, sdk.TooLarge)
	_, err = kv.Put(ctx, "a", nil, -time.Second)
	wantCode(t, "a ttl below zero", err, sdk.InvalidArgument)
	_, err = kv.List(ctx, "", "", -1)
	wantCode(t, "a limit below zero", err, sdk.InvalidArgument)
}

func kvVersions(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	first := mustPut(t, kv, "a", "1")
	other := mustPut(t, kv, "b", "1")
	second := mustPut(t, kv, "a", "2")
	if first == 0 || other <= first || second <= other {
		t.Errorf("versions do not rise: %d, %d, %d", first, other, second)
	}
	_, err := kv.CompareAndSet(ctx, "a", first, []byte("x"), 0)
	wantCode(t, "a stale version", err, sdk.Conflict)
	_, err = kv.CompareAndSet(ctx, "a", 0, []byte("x"), 0)
	wantCode(t, "none expected, one there", err, sdk.Conflict)
	wantCode(t, "deleting a stale version", kv.CompareAndDelete(ctx, "a", first), sdk.Conflict)
	third, err := kv.CompareAndSet(ctx, "a", second, []byte("3"), 0)
	wantCode(t, "the right version", err, "")
	wantCode(t, "deleting the right version", kv.CompareAndDelete(ctx, "a", third), "")
	fourth, err := kv.CompareAndSet(ctx, "a", 0, []byte("4"), 0)
	wantCode(t, "none expected, none there", err, "")
	if third <= second || fourth <= third {
		t.Errorf("a version came again: %d, %d, %d", second, third, fourth)
	}
	if e, err := kv.Get(ctx, "a"); err != nil || string(e.Value) != "4" || e.Version != fourth {
		t.Errorf("got %+v, %v, want version %d", e, err, fourth)
	}
}

func kvExpiry(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	const ttl = 50 * time.Millisecond
	before := time.Now()
	for _, key := range []string{"a", "b", "c"} {
		if _, err := kv.Put(ctx, key, []byte("short"), ttl); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := kv.Put(ctx, "b", []byte("for ever"), 0); err != nil {
		t.Fatal(err)
	}
	long, err := kv.Put(ctx, "c", []byte("long"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	e, err := kv.Get(ctx, "c")
	if err != nil || e.Expires.Sub(before).Round(time.Minute) != time.Hour {
		t.Errorf("expires %v, %v", e.Expires, err)
	}
	await(t, "the end of an entry", func() bool {
		_, err := kv.Get(ctx, "a")
		return sdk.CodeOf(err) == sdk.NotFound
	})
	if time.Since(before) < ttl {
		t.Errorf("an entry ended after %s, before its ttl of %s", time.Since(before), ttl)
	}
	if e, err := kv.Get(ctx, "b"); err != nil || string(e.Value) != "for ever" {
		t.Errorf("an entry whose ttl was taken back: %+v, %v", e, err)
	}
	if page, err := kv.List(ctx, "", "", 0); err != nil || keysOf(page.Entries) != "b c" {
		t.Errorf("the list has %q, %v", keysOf(page.Entries), err)
	}
	again, err := kv.CompareAndSet(ctx, "a", 0, []byte("new"), 0)
	if err != nil || again <= long {
		t.Errorf("in the place of an expired entry: version %d after %d, %v", again, long, err)
	}
}

func keysOf(entries []sdk.Entry) string {
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	return strings.Join(keys, " ")
}

// await polls until ok, and fails after a while.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
		<-tick.C
	}
}

func kvLists(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	for _, key := range []string{"b", "a/1", "a", "a/2", "a0", "a/10", "ä", "a/"} {
		mustPut(t, kv, key, "v:"+key)
	}
	for _, list := range []struct {
		prefix, after string
		limit         int
		want, next    string
	}{
		{"", "", 0, "a a/ a/1 a/10 a/2 a0 b ä", ""},
		{"a/", "", 0, "a/ a/1 a/10 a/2", ""},
		{"a/1", "", 0, "a/1 a/10", ""},
		{"c", "", 0, "", ""},
		{"", "", 3, "a a/ a/1", "a/1"},
		{"", "a/1", 3, "a/10 a/2 a0", "a0"},
		{"", "a0", 3, "b ä", ""},
		{"a/", "a/10", 1, "a/2", ""},
		{"a/", "a", 1, "a/", "a/"},
		{"a/", "b", 0, "", ""},
		{"a/", "nobody", 0, "", ""},
		{"", "a/1000", 2, "a/2 a0", "a0"},
		{"", "", 8, "a a/ a/1 a/10 a/2 a0 b ä", ""},
	} {
		page, err := kv.List(ctx, list.prefix, list.after, list.limit)
		if err != nil || keysOf(page.Entries) != list.want || page.Next != list.next {
			t.Errorf("%+v: got %q, next %q, %v", list, keysOf(page.Entries), page.Next, err)
		}
		for _, e := range page.Entries {
			if string(e.Value) != "v:"+e.Key || e.Version == 0 {
				t.Errorf("%+v: got the entry %+v", list, e)
			}
		}
	}
}

func kvPages(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	const many = 1010
	var want []string
	for i := range many {
		key := fmt.Sprintf("n/%04d", i)
		mustPut(t, kv, key, strconv.Itoa(i))
		want = append(want, key)
	}
	page, err := kv.List(ctx, "", "", many)
	if err != nil || len(page.Entries) != sdk.MaxEntries || page.Next != want[sdk.MaxEntries-1] {
		t.Errorf("a page of %d entries, next %q, %v", len(page.Entries), page.Next, err)
	}
	var got []string
	for e, err := range sdk.All(ctx, kv, "n/") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("all are %d entries, want %d", len(got), len(want))
	}
	// Large values make short pages.
	for i := range 5 {
		if _, err := kv.Put(ctx, "large/"+strconv.Itoa(i), make([]byte, 400<<10), 0); err != nil {
			t.Fatal(err)
		}
	}
	page, err = kv.List(ctx, "large/", "", 0)
	if err != nil || len(page.Entries) != 3 || page.Next != "large/2" {
		t.Errorf("a page of %d large entries, next %q, %v", len(page.Entries), page.Next, err)
	}
}

func kvRace(t *testing.T, kv sdk.KeyValue) {
	const writers, each = 8, 12
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				_, err := sdk.Update(t.Context(), kv, "counter", 0, func(value []byte) ([]byte, error) {
					n, _ := strconv.Atoi(string(value)) // "" is 0
					return []byte(strconv.Itoa(n + 1)), nil
				})
				if err != nil {
					t.Errorf("an update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if e, err := kv.Get(t.Context(), "counter"); err != nil || string(e.Value) != strconv.Itoa(writers*each) {
		t.Errorf("%d updates made %s, %v", writers*each, e.Value, err)
	}
}

func kvCanceled(t *testing.T, kv sdk.KeyValue) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := kv.Get(ctx, "a")
	wantCode(t, "get", err, sdk.Canceled)
	_, err = kv.Put(ctx, "a", nil, 0)
	wantCode(t, "put", err, sdk.Canceled)
	wantCode(t, "delete", kv.Delete(ctx, "a"), sdk.Canceled)
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	_, err = kv.List(late, "", "", 0)
	wantCode(t, "list", err, sdk.DeadlineExceeded)
}

func kvQuota(t *testing.T, kv sdk.KeyValue) {
	ctx := t.Context()
	put := func(key string, size int, ttl time.Duration) error {
		_, err := kv.Put(ctx, key, make([]byte, size), ttl)
		return err
	}
	wantCode(t, "much", put("a", 8<<10, 0), "")
	wantCode(t, "too much", put("b", 8<<10, 0), sdk.Exhausted)
	wantCode(t, "more in its place", put("a", 12<<10, 0), "")
	wantCode(t, "too much in its place", put("a", 16<<10, 0), sdk.Exhausted)
	if e, err := kv.Get(ctx, "a"); err != nil || len(e.Value) != 12<<10 {
		t.Errorf("a write that was refused has left %d bytes, %v", len(e.Value), err)
	}
	wantCode(t, "less in its place", put("a", 1, 0), "")
	wantCode(t, "room again", put("b", 12<<10, 0), "")
	wantCode(t, "delete", kv.Delete(ctx, "b"), "")
	wantCode(t, "delete", kv.Delete(ctx, "a"), "")
	wantCode(t, "for a while", put("b", 12<<10, 20*time.Millisecond), "")
	await(t, "the room of what has expired", func() bool { return put("c", 12<<10, 0) == nil })
	wantCode(t, "delete", kv.Delete(ctx, "c"), "")
	full := false
	for i := range 200 {
		if err := put("small/"+strconv.Itoa(i), 0, 0); err != nil {
			wantCode(t, "small entries", err, sdk.Exhausted)
			full = true
			break
		}
	}
	if !full {
		t.Error("entries without values take no room")
	}
}
