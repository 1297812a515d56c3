package service

import (
	"context"
	"math"
	"time"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// job says what an ask comes to.
func (h *host) job(ask *extensionv1.ServiceAsk) job {
	switch what := ask.GetWhat().(type) {
	case *extensionv1.ServiceAsk_Get:
		return h.get(what.Get)
	case *extensionv1.ServiceAsk_Put:
		return h.put(what.Put)
	case *extensionv1.ServiceAsk_Delete:
		return h.delete(what.Delete)
	case *extensionv1.ServiceAsk_List:
		return h.list(what.List)
	case *extensionv1.ServiceAsk_Call:
		return h.call(what.Call)
	}
	return job{kind: KindUnknown, run: func(context.Context, *extensionv1.ServiceAnswer) (func(), error) {
		return nil, sdk.Errorf(sdk.Unimplemented, "this host does not know what the extension asks for: upgrade the host")
	}}
}

func (h *host) get(in *extensionv1.KeyValueGet) job {
	return job{kind: KindGet, run: func(ctx context.Context, answer *extensionv1.ServiceAnswer) (func(), error) {
		e, err := h.kv.Get(ctx, in.GetKey())
		answer.What = &extensionv1.ServiceAnswer_Entry{Entry: entryTo(e)}
		return nil, err
	}}
}

func (h *host) put(in *extensionv1.KeyValuePut) job {
	size := len(in.GetKey()) + len(in.GetValue())
	return job{kind: KindPut, bytes: size, run: func(ctx context.Context, answer *extensionv1.ServiceAnswer) (func(), error) {
		ttl, err := ttlFrom(in.GetTtlMs())
		if err != nil {
			return nil, err
		}
		var version uint64
		if in.IfVersion != nil {
			version, err = h.kv.CompareAndSet(ctx, in.GetKey(), in.GetIfVersion(), in.GetValue(), ttl)
		} else {
			version, err = h.kv.Put(ctx, in.GetKey(), in.GetValue(), ttl)
		}
		answer.What = &extensionv1.ServiceAnswer_Version{Version: version}
		return nil, err
	}}
}

func (h *host) delete(in *extensionv1.KeyValueDelete) job {
	return job{kind: KindDelete, run: func(ctx context.Context, answer *extensionv1.ServiceAnswer) (func(), error) {
		answer.What = &extensionv1.ServiceAnswer_Version{}
		if in.IfVersion != nil {
			return nil, h.kv.CompareAndDelete(ctx, in.GetKey(), in.GetIfVersion())
		}
		return nil, h.kv.Delete(ctx, in.GetKey())
	}}
}

func (h *host) list(in *extensionv1.KeyValueList) job {
	return job{kind: KindList, run: func(ctx context.Context, answer *extensionv1.ServiceAnswer) (func(), error) {
		page, err := h.kv.List(ctx, in.GetPrefix(), in.GetAfter(), int(min(in.GetLimit(), sdk.MaxEntries)))
		out := &extensionv1.KeyValuePage{Next: page.Next}
		for _, e := range page.Entries {
			out.Entries = append(out.Entries, entryTo(e))
		}
		answer.What = &extensionv1.ServiceAnswer_Page{Page: out}
		return nil, err
	}}
}

func (h *host) call(in *extensionv1.ServiceCall) job {
	return job{
		kind: KindCall, typeName: in.GetType(), bytes: len(in.GetPayload()),
		run: func(ctx context.Context, answer *extensionv1.ServiceAnswer) (func(), error) {
			req := &sdk.Request{
				Type: in.GetType(), MediaType: in.GetMediaType(), Payload: in.GetPayload(),
				Trace: sdk.Trace{Parent: in.GetTraceparent(), State: in.GetTracestate()},
			}
			if len(req.MediaType) > 255 || len(req.Trace.Parent) > 255 || len(req.Trace.State) > 1024 {
				return nil, sdk.Errorf(sdk.InvalidArgument, "the media type or the trace of the request is too long")
			}
			resp, err := h.cfg.Services.Call(ctx, in.GetTicket(), req)
			if err != nil {
				return nil, err
			}
			answer.What = &extensionv1.ServiceAnswer_Response{Response: &extensionv1.ServiceResponse{
				Type: resp.Type, MediaType: resp.MediaType, Payload: resp.Payload,
			}}
			return resp.Free, nil // Send has copied the payload
		},
	}
}

// ttlFrom reads a ttl off the wire: rounded to milliseconds, as long as a Duration can
// tell.
func ttlFrom(ms uint64) (time.Duration, error) {
	if ms > math.MaxInt64/uint64(time.Millisecond) {
		return 0, sdk.Errorf(sdk.InvalidArgument, "the ttl is too long; 0 keeps an entry for ever")
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// ttlTo is the other direction. A ttl is never rounded to 0, which would be for ever.
func ttlTo(ttl time.Duration) uint64 {
	return uint64((ttl + time.Millisecond - 1) / time.Millisecond)
}

func entryTo(e sdk.Entry) *extensionv1.KeyValueEntry {
	out := &extensionv1.KeyValueEntry{Key: e.Key, Value: e.Value, Version: e.Version}
	if !e.Expires.IsZero() {
		out.ExpiresMs = e.Expires.UnixMilli()
	}
	return out
}

func entryFrom(in *extensionv1.KeyValueEntry) sdk.Entry {
	e := sdk.Entry{Key: in.GetKey(), Value: in.GetValue(), Version: in.GetVersion()}
	if in.GetExpiresMs() != 0 {
		e.Expires = time.UnixMilli(in.GetExpiresMs())
	}
	return e
}
