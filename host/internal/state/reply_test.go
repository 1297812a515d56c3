package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRepliesAreKeptForADay(t *testing.T) {
	s := newHome(t).open(t, Created)
	ctx := t.Context()
	save := func(actor, key, digest string, at time.Time) {
		t.Helper()
		if err := s.SaveReply(ctx, Reply{Actor: actor, Key: key, Digest: digest, Answer: json.RawMessage(`{"job":"` + digest + `"}`), Time: at}); err != nil {
			t.Fatal(err)
		}
	}
	has := func(actor, key, digest string) {
		t.Helper()
		r, err := s.Reply(ctx, actor, key)
		if err != nil || (r == nil) != (digest == "") || r != nil && (r.Digest != digest || string(r.Answer) != `{"job":"`+digest+`"}`) {
			t.Errorf("%s %s: %+v, %v, want %q", actor, key, r, err, digest)
		}
	}
	now := time.Now()
	has("anna", "k", "")
	save("anna", "k", "d1", time.Time{})
	save("ben", "k", "d2", time.Time{})
	save("anna", "old", "d3", now.Add(-ReplyAge-time.Second))
	has("anna", "k", "d1")
	has("ben", "k", "d2")
	has("anna", "old", "")
	save("anna", "k", "d4", time.Time{})
	has("anna", "k", "d4")
}

func TestRepliesAreBounded(t *testing.T) {
	s := newHome(t).open(t, Created)
	ctx := t.Context()
	begin := time.Now().Add(-time.Hour)
	for n := range keepReplies + 3 {
		err := s.SaveReply(ctx, Reply{Actor: "a", Key: fmt.Sprint(n), Digest: "d", Answer: json.RawMessage("1"), Time: begin.Add(time.Duration(n) * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range map[int]bool{0: false, 2: false, 3: true, keepReplies + 2: true} {
		if r, err := s.Reply(ctx, "a", fmt.Sprint(n)); err != nil || (r != nil) != want {
			t.Errorf("reply %d: %v, %v", n, r, err)
		}
	}
	long := strings.Repeat("x", 600)
	for name, r := range map[string]Reply{
		"key":  {Actor: "a", Key: long, Digest: "d", Answer: json.RawMessage("1")},
		"size": {Actor: "a", Key: "k", Digest: "d", Answer: json.RawMessage(`"` + strings.Repeat("x", maxBody) + `"`)},
		"JSON": {Actor: "a", Key: "k", Digest: "d", Answer: json.RawMessage("{")},
	} {
		if err := s.SaveReply(ctx, r); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reply(ctx, "a", "5"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
