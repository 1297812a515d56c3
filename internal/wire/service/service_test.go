package service

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

func TestOnlyWhatIsGranted(t *testing.T) {
	whole := []*extensionv1.ServiceAsk{
		get(1, "a"), putAsk(2, 1),
		{Id: 3, What: &extensionv1.ServiceAsk_Delete{Delete: &extensionv1.KeyValueDelete{Key: "a"}}},
		{Id: 4, What: &extensionv1.ServiceAsk_List{List: &extensionv1.KeyValueList{}}},
		call(5, "x.B"), call(6, "x.b"), call(7, "x.B.C"), call(8, ""), call(9, "*"),
	}
	for _, c := range []struct {
		granted string
		allowed map[uint64]bool
	}{
		{"", nil},
		{"net:x:1, events, sql:kv, call:, call", nil},
		{" kv", map[uint64]bool{1: true, 2: true, 3: true, 4: true}},
		{"call:x.B", map[uint64]bool{5: true}},
		{"kv,call:x.B,call:x.B.C", map[uint64]bool{1: true, 2: true, 3: true, 4: true, 5: true, 7: true}},
	} {
		var reached atomic.Int64
		s := serve(t, func(context.Context, string) ([]byte, error) { reached.Add(1); return nil, nil }, strings.Split(c.granted, ",")...)
		for _, ask := range whole {
			s.ask(t, ask)
			answer, report := s.answered(t), <-s.reports
			code := answer.GetError().GetCode()
			switch {
			case answer.GetId() != ask.GetId():
				t.Errorf("%q: answer %d to ask %d", c.granted, answer.GetId(), ask.GetId())
			case c.allowed[ask.GetId()] && (code != "" || report.Err != nil || report.Permission != ""):
				t.Errorf("%q: ask %d was answered %v, %+v", c.granted, ask.GetId(), answer, report)
			case !c.allowed[ask.GetId()] && (code != string(sdk.PermissionDenied) || report.Permission == "" ||
				!strings.Contains(answer.GetError().GetMessage(), "extension_permissions in the bundle's manifest.mf would need "+report.Permission)):
				t.Errorf("%q: ask %d was answered %v, %+v", c.granted, ask.GetId(), answer, report)
			}
		}
		if int(reached.Load()) != len(c.allowed) {
			t.Errorf("%q: %d asks came through, want %d", c.granted, reached.Load(), len(c.allowed))
		}
	}
}

// What the manifest asks for and nobody granted is another matter than what it lacks.
func TestWhoseTurnItIs(t *testing.T) {
	g := ParseGrants([]string{"call:x.B"}).Asked([]string{"call:x.B", "call:x.C", "kv"})
	for _, c := range []struct {
		kind           Kind
		typeName, says string
	}{
		{KindGet, "", "an administrator has denied kv, or taken it back"},
		{KindCall, "x.C", "an administrator has denied call:x.C, or taken it back"},
		{KindCall, "x.D", "extension_permissions in the bundle's manifest.mf would need call:x.D"},
	} {
		missing := g.missing(c.kind, c.typeName)
		if err := g.denied(c.kind, c.typeName, missing); !strings.HasSuffix(err.Message, c.says) {
			t.Errorf("%s %s: %s", c.kind, c.typeName, err.Message)
		}
	}
	if missing := g.missing(KindCall, "x.B"); missing != "" {
		t.Errorf("what is granted lacks %s", missing)
	}
}

func TestBrokenFormat(t *testing.T) {
	for name, asks := range map[string][]*extensionv1.ServiceAsk{
		"id 0":                    {get(0, "a")},
		"an id twice":             {get(2, "a"), get(2, "a")},
		"a lower id":              {get(2, "a"), get(1, "a")},
		"cancel of what is to be": {get(2, "a"), cancelOf(3)},
	} {
		s := serve(t, nothing, "kv")
		for _, ask := range asks[:len(asks)-1] {
			s.ask(t, ask)
			s.answered(t)
		}
		s.ask(t, asks[len(asks)-1])
		var format *FormatError
		if err := s.broken(t); !errors.As(err, &format) {
			t.Errorf("%s: the stream ended with %v", name, err)
		}
	}
	s := serve(t, nothing, "kv")
	s.ask(t, get(5, "a"))
	s.answered(t)
	s.ask(t, cancelOf(5)) // it came late, or twice
	s.ask(t, cancelOf(1))
	s.ask(t, &extensionv1.ServiceAsk{Id: 6})
	if a := s.answered(t); a.GetError().GetCode() != string(sdk.Unimplemented) {
		t.Errorf("what nobody knows is answered %v", a)
	}
	s.end()
	if err := s.broken(t); err != nil {
		t.Errorf("a stream that the extension has ended: %v", err)
	}
}

// want takes n answers and counts their codes.
func (s *stream) codes(t *testing.T, n int) map[string]int {
	t.Helper()
	codes := map[string]int{}
	for range n {
		codes[s.answered(t).GetError().GetCode()]++
	}
	return codes
}

func TestLimits(t *testing.T) {
	t.Run("of the store", func(t *testing.T) {
		s := serve(t, untilEnd, "kv", "call:x.B")
		for id := range uint64(maxKeyValue) {
			s.ask(t, get(id+1, "a"))
		}
		s.ask(t, get(1000, "a"))
		if a := s.answered(t); a.GetId() != 1000 || a.GetError().GetCode() != string(sdk.Exhausted) || !a.GetError().GetRetryable() {
			t.Errorf("one too many is answered %v", a)
		}
		s.ask(t, call(1001, "x.B")) // has a limit of its own
		s.ask(t, cancelOf(7))
		if a := s.answered(t); a.GetId() != 7 || a.GetError().GetCode() != string(sdk.Canceled) {
			t.Errorf("what was canceled is answered %v", a)
		}
	})
	t.Run("of calls", func(t *testing.T) {
		s := serve(t, untilEnd, "kv", "call:x.B")
		for id := range uint64(maxCalls) {
			s.ask(t, call(id+1, "x.B"))
		}
		s.ask(t, call(1000, "x.B"))
		if a := s.answered(t); a.GetId() != 1000 || a.GetError().GetCode() != string(sdk.Exhausted) {
			t.Errorf("one too many is answered %v", a)
		}
	})
	t.Run("of bytes", func(t *testing.T) {
		s := serve(t, untilEnd, "call:x.B")
		large := func(id uint64, size int) *extensionv1.ServiceAsk {
			return &extensionv1.ServiceAsk{Id: id, What: &extensionv1.ServiceAsk_Call{Call: &extensionv1.ServiceCall{Type: "x.B", Payload: make([]byte, size)}}}
		}
		s.ask(t, large(1, maxAsked+1)) // one alone has the limit of its message
		s.ask(t, large(2, 1))
		if a := s.answered(t); a.GetId() != 2 || a.GetError().GetCode() != string(sdk.Exhausted) {
			t.Errorf("bytes over the limit are answered %v", a)
		}
		s.ask(t, cancelOf(1))
		s.answered(t)
		s.ask(t, large(3, maxAsked))
		s.ask(t, cancelOf(3))
		if a := s.answered(t); a.GetId() != 3 || a.GetError().GetCode() != string(sdk.Canceled) {
			t.Errorf("bytes that are free again are answered %v", a)
		}
	})
	t.Run("of answers that nobody takes", func(t *testing.T) {
		answer := make([]byte, maxAnswered/2+1)
		s := serve(t, func(context.Context, string) ([]byte, error) { return answer, nil }, "call:x.B")
		s.ask(t, call(1, "x.B"))
		<-s.reports
		s.ask(t, call(2, "x.B"))
		if r := <-s.reports; r.Err == nil || r.Err.Code != sdk.Exhausted {
			t.Errorf("the second answer is reported %+v", r)
		}
		if codes := s.codes(t, 2); codes[""] != 1 || codes[string(sdk.Exhausted)] != 1 {
			t.Errorf("the answers are %v", codes)
		}
		s.ask(t, call(3, "x.B"))
		if codes := s.codes(t, 1); codes[""] != 1 {
			t.Errorf("when they are taken: %v", codes)
		}
	})
}

func TestDeadlines(t *testing.T) {
	left := make(chan time.Duration, 1)
	s := serve(t, func(ctx context.Context, _ string) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		left <- time.Until(deadline)
		return nil, nil
	}, "kv", "call:x.B")
	for id, c := range []struct {
		ask         *extensionv1.ServiceAsk
		ms          uint64
		least, most time.Duration
	}{
		{get(1, "a"), 0, keyValueTimeout / 2, keyValueTimeout},
		{get(2, "a"), 5000, 0, 5 * time.Second},
		{get(3, "a"), 1 << 63, keyValueTimeout / 2, keyValueTimeout},
		{call(4, "x.B"), 60_000, 30 * time.Second, time.Minute},
		{call(5, "x.B"), 1<<64 - 1, 23 * time.Hour, 24 * time.Hour},
	} {
		c.ask.TimeoutMs = c.ms
		s.ask(t, c.ask)
		if got := <-left; got < c.least || got > c.most {
			t.Errorf("ask %d has %s left, want %s to %s", id+1, got, c.least, c.most)
		}
		s.answered(t)
	}
	late := serve(t, untilEnd, "kv")
	ask := get(1, "a")
	ask.TimeoutMs = 1
	late.ask(t, ask)
	if a := late.answered(t); a.GetError().GetCode() != string(sdk.DeadlineExceeded) {
		t.Errorf("a deadline that passed is answered %v", a)
	}
}

func TestFaultsOfTheHost(t *testing.T) {
	s := serve(t, func(_ context.Context, what string) ([]byte, error) {
		switch what {
		case "get panic":
			panic("secret")
		case "get plain":
			return nil, errors.New("secret")
		case "get nil":
			var none *sdk.Error
			return nil, none
		}
		return nil, sdk.Errorf(sdk.NotFound, "said")
	}, "kv")
	for id, key := range []string{"panic", "plain", "nil"} {
		s.ask(t, get(uint64(id+1), key))
		if a := s.answered(t); a.GetError().GetCode() != string(sdk.Internal) || strings.Contains(a.GetError().GetMessage(), "secret") {
			t.Errorf("%s is answered %v", key, a)
		}
	}
	s.ask(t, get(9, "other"))
	if a := s.answered(t); a.GetError().GetCode() != string(sdk.NotFound) || a.GetError().GetMessage() != "said" {
		t.Errorf("an error for the extension is answered %v", a)
	}
}

// Whatever is under way has ended when Serve returns.
func TestTheEndOfTheStream(t *testing.T) {
	var running atomic.Int64
	s := serve(t, func(ctx context.Context, what string) ([]byte, error) {
		running.Add(1)
		defer running.Add(-1)
		return untilEnd(ctx, what)
	}, "kv", "call:x.B")
	for id := range uint64(20) {
		s.ask(t, get(2*id+1, "a"))
		s.ask(t, call(2*id+2, "x.B"))
	}
	s.end()
	if err := s.broken(t); err != nil || running.Load() != 0 {
		t.Errorf("the stream ended with %v, and %d still run", err, running.Load())
	}
}
