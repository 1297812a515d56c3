// Package service is both halves of what an extension asks of its host: the key-value
// store and calls to other extensions, over the stream Services of the control
// connection.
//
// The host calls Serve with the stream, with what answers (Services) and with what is
// granted (Grants); it returns when the stream has ended and nothing is under way any
// more. The extension's half is a Client, which is an sdk.KeyValue and has Call.
//
// Promised on the host side: nothing that was not granted reaches Services; what does
// is checked (Checked), bounded in number and bytes, and ends with its deadline, with
// its cancel and with the stream; every ask gets one answer and one Report. A panic
// answers one ask. Who breaks the format loses the stream and nothing else.
package service

import (
	"context"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// The limits of one extension's stream; extension.proto says the same.
const (
	maxKeyValue = 128       // asks of the store that are out at once
	maxCalls    = 256       // calls that are out at once
	maxAsked    = 64 << 20  // bytes of payload of what is out
	maxAnswered = 256 << 20 // bytes of answers that wait to be taken

	// keyValueTimeout is the longest time of an ask of the store; calls have the
	// limits of who is called.
	keyValueTimeout = 30 * time.Second
)

// Services answers what one process of an extension asks. Errors are *sdk.Errors; of
// any other the extension learns nothing.
type Services interface {
	sdk.KeyValue
	// Call has another extension answer req, of which Type, MediaType, Payload and
	// Trace are set. Ticket is that of the request within which it is made, as far as
	// the extension says so.
	Call(ctx context.Context, ticket string, req *sdk.Request) (*sdk.Response, error)
}

// Kind says what was asked for.
type Kind string

// The kinds. The set is closed: they are the values of a metric's label.
const (
	KindGet     Kind = "kv_get"
	KindPut     Kind = "kv_put"
	KindDelete  Kind = "kv_delete"
	KindList    Kind = "kv_list"
	KindCall    Kind = "call"
	KindUnknown Kind = "unknown" // of an SDK that is newer than this host
)

// Kinds lists every Kind.
func Kinds() []Kind {
	return []Kind{KindGet, KindPut, KindDelete, KindList, KindCall, KindUnknown}
}

// Report is one ask that was answered.
type Report struct {
	Kind Kind
	// Permission is what it needs, as a manifest spells it, if Err is permission_denied
	// for want of it; "" otherwise.
	Permission string
	Err        *sdk.Error // nil for a success
	Took       time.Duration
}

// Config is what Serve needs. Services, Errors and Log are required.
type Config struct {
	Services Services
	Grants   Grants
	Errors   Errors
	Log      *slog.Logger
	// MayWrite reports whether the process may write the store by now; nil means that it
	// may.
	MayWrite func() bool
	// Ended is told of every ask, by many goroutines at once; nil for nobody.
	Ended func(Report)
}

// Errors is how errors cross the wire.
type Errors struct {
	To   func(*sdk.Error) *extensionv1.Error
	From func(*extensionv1.Error) *sdk.Error
}

// FormatError says how an extension broke the format. The stream ends with it.
type FormatError struct{ What string }

func (e *FormatError) Error() string { return "the stream of services was broken: " + e.What }

func breach(format string, args ...any) *FormatError {
	return &FormatError{What: fmt.Sprintf(format, args...)}
}

// Checked is kv, asked only for what an sdk.KeyValue may be asked for.
func Checked(kv sdk.KeyValue) sdk.KeyValue { return checked{kv} }

type checked struct{ kv sdk.KeyValue }

func (c checked) Get(ctx context.Context, key string) (sdk.Entry, error) {
	if err := checkKey(key); err != nil {
		return sdk.Entry{}, err
	}
	return c.kv.Get(ctx, key)
}

func (c checked) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if err := checkWrite(key, value, ttl); err != nil {
		return 0, err
	}
	return c.kv.Put(ctx, key, value, ttl)
}

func (c checked) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error) {
	if err := checkWrite(key, value, ttl); err != nil {
		return 0, err
	}
	return c.kv.CompareAndSet(ctx, key, version, value, ttl)
}

func (c checked) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return c.kv.Delete(ctx, key)
}

func (c checked) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return c.kv.CompareAndDelete(ctx, key, version)
}

func (c checked) List(ctx context.Context, prefix, after string, limit int) (sdk.Page, error) {
	if err := checkList(prefix, after, limit); err != nil {
		return sdk.Page{}, err
	}
	if limit == 0 {
		limit = 100
	}
	return c.kv.List(ctx, prefix, after, min(limit, sdk.MaxEntries))
}

func checkKey(key string) error {
	switch {
	case key == "":
		return sdk.Errorf(sdk.InvalidArgument, "the key is empty")
	case len(key) > sdk.MaxKeyBytes:
		return sdk.Errorf(sdk.TooLarge, "the key has %d bytes, the limit is %d", len(key), sdk.MaxKeyBytes)
	case !utf8.ValidString(key):
		return sdk.Errorf(sdk.InvalidArgument, "the key is not UTF-8")
	}
	return nil
}

func checkList(prefix, after string, limit int) error {
	for _, s := range []string{prefix, after} {
		if s == "" {
			continue
		}
		if err := checkKey(s); err != nil {
			return err
		}
	}
	if limit < 0 {
		return sdk.Errorf(sdk.InvalidArgument, "a page of %d entries can not be asked for", limit)
	}
	return nil
}

func checkWrite(key string, value []byte, ttl time.Duration) error {
	switch {
	case len(value) > sdk.MaxValueBytes:
		return sdk.Errorf(sdk.TooLarge, "the value has %d bytes, the limit is %d", len(value), sdk.MaxValueBytes)
	case ttl < 0:
		return sdk.Errorf(sdk.InvalidArgument, "the ttl is below zero; 0 keeps an entry for ever")
	}
	return checkKey(key)
}
