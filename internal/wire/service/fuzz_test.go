package service

import (
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// FuzzAsk gives the host whatever an extension may send: a cancel is answered never,
// anything else once, with a known code, and only what is granted and in order comes
// through.
func FuzzAsk(f *testing.F) {
	for _, ask := range []*extensionv1.ServiceAsk{
		get(1, "a"), putAsk(2, 10), call(3, "x.B"), call(4, "x.C"), cancelOf(1), {Id: 5}, {},
		{Id: 1, TimeoutMs: 1 << 63, What: &extensionv1.ServiceAsk_List{List: &extensionv1.KeyValueList{Prefix: "a", After: "b", Limit: 1<<32 - 1}}},
		{Id: 1, What: &extensionv1.ServiceAsk_Put{Put: &extensionv1.KeyValuePut{Key: "a", TtlMs: 1<<64 - 1, IfVersion: proto.Uint64(1)}}},
		{Id: 1, What: &extensionv1.ServiceAsk_Delete{Delete: &extensionv1.KeyValueDelete{Key: "a", IfVersion: proto.Uint64(0)}}},
	} {
		data, err := proto.Marshal(ask)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ask := new(extensionv1.ServiceAsk)
		if proto.Unmarshal(data, ask) != nil {
			return // the connection ends
		}
		through := 0
		s := serve(t, func(context.Context, string) ([]byte, error) { through++; return nil, nil }, "kv", "call:x.B")
		s.ask(t, ask)
		if _, cancel := ask.GetWhat().(*extensionv1.ServiceAsk_Cancel); cancel {
			s.end()
			s.broken(t)
			return
		}
		if ask.GetId() == 0 {
			if s.broken(t) == nil {
				t.Error("the id 0 was taken")
			}
			return
		}
		answer := s.answered(t)
		s.end()
		s.broken(t)
		if answer.GetId() != ask.GetId() {
			t.Errorf("ask %d got answer %d", ask.GetId(), answer.GetId())
		}
		code := sdk.Code(answer.GetError().GetCode())
		switch {
		case answer.GetError() != nil && !slices.Contains(sdk.Codes(), code):
			t.Errorf("answered with the code %q", code)
		case through > 1, through == 1 && ask.GetCall() != nil && ask.GetCall().GetType() != "x.B":
			t.Errorf("%v came through %d times", ask, through)
		case through == 0 && answer.GetError() == nil:
			t.Errorf("%v was answered by nobody", ask)
		case len(s.reports) != 1:
			t.Errorf("%d reports of one ask", len(s.reports))
		}
	})
}
