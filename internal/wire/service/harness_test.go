package service

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// pipe is a stream in memory, without room: who sends waits until it is taken.
type pipe struct {
	ctx     context.Context
	asks    chan *extensionv1.ServiceAsk
	answers chan *extensionv1.ServiceAnswer
	over    chan struct{} // closed by end
	once    sync.Once
}

func newPipe(ctx context.Context) *pipe {
	return &pipe{
		ctx: ctx, asks: make(chan *extensionv1.ServiceAsk), answers: make(chan *extensionv1.ServiceAnswer),
		over: make(chan struct{}),
	}
}

func (p *pipe) end() { p.once.Do(func() { close(p.over) }) }

// move sends v, or reports that the pipe has ended.
func move[T any](p *pipe, c chan T, v T) error {
	select {
	case c <- v:
		return nil
	case <-p.over:
	case <-p.ctx.Done():
	}
	return io.ErrClosedPipe
}

func take[T any](p *pipe, c chan T) (v T, err error) {
	select {
	case v := <-c:
		return v, nil
	case <-p.over:
	case <-p.ctx.Done():
	}
	return v, io.EOF
}

type hostEnd struct{ *pipe }

func (e hostEnd) Send(a *extensionv1.ServiceAnswer) error { return move(e.pipe, e.answers, a) }
func (e hostEnd) Recv() (*extensionv1.ServiceAsk, error)  { return take(e.pipe, e.asks) }

type clientEnd struct{ *pipe }

func (e clientEnd) Context() context.Context                  { return e.ctx }
func (e clientEnd) Send(a *extensionv1.ServiceAsk) error      { return move(e.pipe, e.asks, a) }
func (e clientEnd) Recv() (*extensionv1.ServiceAnswer, error) { return take(e.pipe, e.answers) }

// plain is how errors cross the wire in these tests.
func plain() Errors {
	return Errors{
		To: func(e *sdk.Error) *extensionv1.Error {
			return &extensionv1.Error{Code: string(e.Code), Message: e.Message, Retryable: e.Retryable}
		},
		From: func(e *extensionv1.Error) *sdk.Error {
			return &sdk.Error{Code: sdk.Code(e.GetCode()), Message: e.GetMessage(), Retryable: e.GetRetryable()}
		},
	}
}

// backend is what a test has behind the stream: every method asks answer.
type backend struct {
	sdk.KeyValue
	answer func(ctx context.Context, what string) ([]byte, error)
}

func (b *backend) Get(ctx context.Context, key string) (sdk.Entry, error) {
	value, err := b.answer(ctx, "get "+key)
	return sdk.Entry{Key: key, Value: value}, err
}

func (b *backend) Put(ctx context.Context, key string, _ []byte, _ time.Duration) (uint64, error) {
	_, err := b.answer(ctx, "put "+key)
	return 1, err
}

func (b *backend) CompareAndSet(ctx context.Context, key string, _ uint64, _ []byte, _ time.Duration) (uint64, error) {
	_, err := b.answer(ctx, "set "+key)
	return 1, err
}

func (b *backend) Delete(ctx context.Context, key string) error {
	_, err := b.answer(ctx, "delete "+key)
	return err
}

func (b *backend) CompareAndDelete(ctx context.Context, key string, _ uint64) error {
	_, err := b.answer(ctx, "remove "+key)
	return err
}

func (b *backend) List(ctx context.Context, prefix, _ string, _ int) (sdk.Page, error) {
	_, err := b.answer(ctx, "list "+prefix)
	return sdk.Page{}, err
}

func (b *backend) Call(ctx context.Context, ticket string, req *sdk.Request) (*sdk.Response, error) {
	payload, err := b.answer(ctx, "call "+req.Type+" "+ticket)
	return &sdk.Response{Type: "x.Answer", Payload: payload}, err
}

// stream is one stream whose host's half runs.
type stream struct {
	*pipe
	reports chan Report
	err     chan error // what Serve returned
}

// serve begins to answer with answer, for an extension with these permissions.
func serve(t testing.TB, answer func(context.Context, string) ([]byte, error), permissions ...string) *stream {
	s := &stream{pipe: newPipe(t.Context()), reports: make(chan Report, 10_000), err: make(chan error, 1)}
	cfg := Config{
		Services: &backend{answer: answer}, Grants: ParseGrants(permissions), Errors: plain(),
		Log: slog.New(slog.DiscardHandler), Ended: func(r Report) { s.reports <- r },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.err <- Serve(t.Context(), hostEnd{s.pipe}, cfg)
	}()
	t.Cleanup(func() { s.end(); <-done })
	return s
}

// ask sends one ask, which must be taken.
func (s *stream) ask(t *testing.T, ask *extensionv1.ServiceAsk) {
	t.Helper()
	select {
	case s.asks <- ask:
	case err := <-s.err:
		t.Fatalf("the stream has ended: %v", err)
	case <-time.After(patience):
		t.Fatal("the host does not read")
	}
}

// answered takes the next answer.
func (s *stream) answered(t *testing.T) *extensionv1.ServiceAnswer {
	t.Helper()
	select {
	case a := <-s.answers:
		return a
	case <-time.After(patience):
		t.Fatal("the host does not answer")
		return nil
	}
}

// broken waits for the end of the stream and returns why.
func (s *stream) broken(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.err:
		return err
	case <-time.After(patience):
		t.Fatal("the stream does not end")
		return nil
	}
}

func get(id uint64, key string) *extensionv1.ServiceAsk {
	return &extensionv1.ServiceAsk{Id: id, What: &extensionv1.ServiceAsk_Get{Get: &extensionv1.KeyValueGet{Key: key}}}
}

func putAsk(id uint64, size int) *extensionv1.ServiceAsk {
	return &extensionv1.ServiceAsk{Id: id, What: &extensionv1.ServiceAsk_Put{Put: &extensionv1.KeyValuePut{Key: "k", Value: make([]byte, size)}}}
}

func call(id uint64, typeName string) *extensionv1.ServiceAsk {
	return &extensionv1.ServiceAsk{Id: id, What: &extensionv1.ServiceAsk_Call{Call: &extensionv1.ServiceCall{Type: typeName}}}
}

func cancelOf(id uint64) *extensionv1.ServiceAsk {
	return &extensionv1.ServiceAsk{Id: id, What: &extensionv1.ServiceAsk_Cancel{Cancel: &extensionv1.ServiceCancel{}}}
}

func nothing(context.Context, string) ([]byte, error) { return nil, nil }

func untilEnd(ctx context.Context, _ string) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
