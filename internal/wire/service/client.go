package service

import (
	"context"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// ClientStream is the extension's end of the stream.
type ClientStream interface {
	Context() context.Context
	Send(*extensionv1.ServiceAsk) error
	Recv() (*extensionv1.ServiceAnswer, error)
}

// Client is the extension's half: what it is asked, it asks the host. Its methods may
// be called by many goroutines at once, before the stream is there, too: they wait
// for it then.
type Client struct {
	errors Errors
	known  chan struct{} // closed when it is known what the host offers
	open   chan struct{} // closed when there is a stream
	done   chan struct{} // closed when that has ended
	// slots bounds the asks of the store: a crowd waits here instead of being refused.
	// There are half as many as the host takes, which hears of a free one later.
	slots chan struct{}

	// writing has its one token while nobody writes. Who holds it may change last, so
	// that ids reach the host in their order.
	writing chan struct{}
	last    uint64

	mu      sync.Mutex // guards what follows
	stream  ClientStream
	offered bool
	maxAsk  uint64
	waiting map[uint64]chan<- *extensionv1.ServiceAnswer // nil when the stream has ended
}

var _ sdk.KeyValue = (*Client)(nil)

// NewClient makes a Client. Offer and Serve must follow.
func NewClient(errs Errors) *Client {
	c := &Client{
		errors: errs, known: make(chan struct{}), open: make(chan struct{}), done: make(chan struct{}),
		slots: make(chan struct{}, maxKeyValue/2), writing: make(chan struct{}, 1),
		waiting: make(map[uint64]chan<- *extensionv1.ServiceAnswer),
	}
	c.writing <- struct{}{}
	return c
}

// Offer says how large an ask may be; 0 means that the host offers no services, and
// everything is refused. The first call counts.
func (c *Client) Offer(maxAsk uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.offered {
		c.offered, c.maxAsk = true, maxAsk
		close(c.known)
	}
}

// Serve takes the host's answers from stream until that ends. There is one stream; a
// second is refused.
func (c *Client) Serve(stream ClientStream) error {
	c.mu.Lock()
	if c.stream != nil {
		c.mu.Unlock()
		return errors.New("the stream of services is open already")
	}
	c.stream = stream
	close(c.open)
	c.mu.Unlock()
	for {
		answer, err := stream.Recv()
		if err != nil {
			c.mu.Lock()
			c.waiting = nil
			c.mu.Unlock()
			close(c.done)
			return nil
		}
		c.mu.Lock()
		waiting := c.waiting[answer.GetId()]
		delete(c.waiting, answer.GetId())
		c.mu.Unlock()
		if waiting != nil {
			waiting <- answer // it has room for one
		}
	}
}

// ask sends ask and waits for its answer.
func (c *Client) ask(ctx context.Context, ask *extensionv1.ServiceAsk, payload int) (*extensionv1.ServiceAnswer, error) {
	if err := c.ready(ctx, payload); err != nil {
		return nil, err
	}
	answers := make(chan *extensionv1.ServiceAnswer, 1)
	if err := c.send(ctx, ask, answers); err != nil {
		return nil, err
	}
	var answer *extensionv1.ServiceAnswer
	select {
	case answer = <-answers:
	case <-c.done:
		select {
		case answer = <-answers:
		default:
			return nil, gone()
		}
	case <-ctx.Done():
		c.cancel(ask.GetId())
		return nil, givenUp(ctx)
	}
	if fault := answer.GetError(); fault != nil {
		return nil, c.errors.From(fault)
	}
	return answer, nil
}

// ready waits until there is a stream, for an ask with so much payload.
func (c *Client) ready(ctx context.Context, payload int) error {
	select {
	case <-c.known:
	case <-ctx.Done():
		return givenUp(ctx)
	}
	if c.maxAsk == 0 {
		return sdk.Errorf(sdk.PermissionDenied, "this host offers no services")
	}
	if uint64(payload)+askOverhead > c.maxAsk {
		return sdk.Errorf(sdk.TooLarge, "the payload has %d bytes, more than the host takes", payload)
	}
	select {
	case <-c.open:
		return nil
	case <-ctx.Done():
		return givenUp(ctx)
	}
}

// askOverhead is more than an ask has beside its payload.
const askOverhead = 8 << 10

// send sends ask under a new id, and has its answer sent to answers.
func (c *Client) send(ctx context.Context, ask *extensionv1.ServiceAsk, answers chan<- *extensionv1.ServiceAnswer) error {
	select {
	case <-c.writing:
	case <-c.done:
		return gone()
	case <-ctx.Done():
		return givenUp(ctx)
	}
	defer func() { c.writing <- struct{}{} }()
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left <= 0 {
			return sdk.Errorf(sdk.DeadlineExceeded, "the time was up before the host was asked")
		}
		ask.TimeoutMs = uint64(max(left.Milliseconds(), 1))
	}
	c.last++
	ask.Id = c.last
	c.mu.Lock()
	ended := c.waiting == nil
	if !ended {
		c.waiting[ask.Id] = answers
	}
	c.mu.Unlock()
	if ended || c.stream.Send(ask) != nil {
		c.forget(ask.Id)
		return gone()
	}
	return nil
}

// cancel tells the host that nobody waits for an answer any more.
func (c *Client) cancel(id uint64) {
	if !c.forget(id) {
		return // it came just now
	}
	select {
	case <-c.writing:
		// When it fails the stream has ended, and with it everything.
		_ = c.stream.Send(&extensionv1.ServiceAsk{Id: id, What: &extensionv1.ServiceAsk_Cancel{Cancel: &extensionv1.ServiceCancel{}}})
		c.writing <- struct{}{}
	case <-c.done:
	}
}

// forget reports whether an answer was still waited for; it is not any more.
func (c *Client) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.waiting[id]
	delete(c.waiting, id)
	return ok
}

// keyValue is ask with one of the slots of the store.
func (c *Client) keyValue(ctx context.Context, ask *extensionv1.ServiceAsk, payload int) (*extensionv1.ServiceAnswer, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, givenUp(ctx)
	}
	return c.ask(ctx, ask, payload)
}

// Get is part of sdk.KeyValue.
func (c *Client) Get(ctx context.Context, key string) (sdk.Entry, error) {
	if err := checkKey(key); err != nil {
		return sdk.Entry{}, err
	}
	answer, err := c.keyValue(ctx, &extensionv1.ServiceAsk{What: &extensionv1.ServiceAsk_Get{Get: &extensionv1.KeyValueGet{Key: key}}}, 0)
	if err != nil {
		return sdk.Entry{}, err
	}
	return entryFrom(answer.GetEntry()), nil
}

// Put is part of sdk.KeyValue.
func (c *Client) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return c.put(ctx, key, nil, value, ttl)
}

// CompareAndSet is part of sdk.KeyValue.
func (c *Client) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error) {
	return c.put(ctx, key, &version, value, ttl)
}

func (c *Client) put(ctx context.Context, key string, version *uint64, value []byte, ttl time.Duration) (uint64, error) {
	if err := checkWrite(key, value, ttl); err != nil {
		return 0, err
	}
	answer, err := c.keyValue(ctx, &extensionv1.ServiceAsk{What: &extensionv1.ServiceAsk_Put{Put: &extensionv1.KeyValuePut{
		Key: key, Value: value, TtlMs: ttlTo(ttl), IfVersion: version,
	}}}, len(value))
	if err != nil {
		return 0, err
	}
	return answer.GetVersion(), nil
}

// Delete is part of sdk.KeyValue.
func (c *Client) Delete(ctx context.Context, key string) error { return c.delete(ctx, key, nil) }

// CompareAndDelete is part of sdk.KeyValue.
func (c *Client) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	return c.delete(ctx, key, &version)
}

func (c *Client) delete(ctx context.Context, key string, version *uint64) error {
	if err := checkKey(key); err != nil {
		return err
	}
	_, err := c.keyValue(ctx, &extensionv1.ServiceAsk{What: &extensionv1.ServiceAsk_Delete{Delete: &extensionv1.KeyValueDelete{
		Key: key, IfVersion: version,
	}}}, 0)
	return err
}

// List is part of sdk.KeyValue.
func (c *Client) List(ctx context.Context, prefix, after string, limit int) (sdk.Page, error) {
	if err := checkList(prefix, after, limit); err != nil {
		return sdk.Page{}, err
	}
	answer, err := c.keyValue(ctx, &extensionv1.ServiceAsk{What: &extensionv1.ServiceAsk_List{List: &extensionv1.KeyValueList{
		Prefix: prefix, After: after, Limit: uint32(min(limit, sdk.MaxEntries)),
	}}}, 0)
	if err != nil {
		return sdk.Page{}, err
	}
	page := sdk.Page{Next: answer.GetPage().GetNext()}
	for _, e := range answer.GetPage().GetEntries() {
		page.Entries = append(page.Entries, entryFrom(e))
	}
	return page, nil
}

// Call is sdk.Setup.Call.
func (c *Client) Call(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	for _, s := range []string{req.Type, req.MediaType, req.Trace.Parent, req.Trace.State} {
		if len(s) > 1024 || !utf8.ValidString(s) {
			return nil, sdk.Errorf(sdk.InvalidArgument, "the request's type, media type or trace is too long or not UTF-8")
		}
	}
	call := &extensionv1.ServiceCall{
		Type: req.Type, MediaType: req.MediaType, Payload: req.Payload,
		Traceparent: req.Trace.Parent, Tracestate: req.Trace.State,
	}
	if within := sdk.RequestFrom(ctx); within != nil {
		call.Ticket = within.Ticket
	}
	answer, err := c.ask(ctx, &extensionv1.ServiceAsk{What: &extensionv1.ServiceAsk_Call{Call: call}}, len(req.Payload))
	if err != nil {
		return nil, err
	}
	resp := answer.GetResponse()
	return &sdk.Response{Type: resp.GetType(), MediaType: resp.GetMediaType(), Payload: resp.GetPayload()}, nil
}

// givenUp is the fault of an ask whose ctx has ended.
func givenUp(ctx context.Context) *sdk.Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return sdk.Errorf(sdk.DeadlineExceeded, "the host did not answer in time")
	}
	return sdk.Errorf(sdk.Canceled, "nobody waits for the host's answer any more")
}

func gone() *sdk.Error {
	return sdk.Errorf(sdk.Unavailable, "the host answers no asks any more")
}
