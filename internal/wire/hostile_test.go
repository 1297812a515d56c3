package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/sdk"
)

// rawCodec lets a test answer with any bytes.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }
func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = rawCodec{}

// liar is a Child at the other end of which answer decides everything.
func liar(t *testing.T, answer func() ([]byte, error)) *Child {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var in []byte
			if err := stream.RecvMsg(&in); err != nil {
				return err
			}
			data, err := answer()
			if err != nil {
				return err
			}
			return stream.SendMsg(data)
		}))
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///liar", append(dialOptions(testMax),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); server.Stop(); <-done })
	return newChild(conn, testMax)
}

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHostileAnswers(t *testing.T) {
	response := func(r *extensionv1.ProcessResponse) []byte { return encoded(t, r) }
	failure := func(e *extensionv1.Error) []byte { return response(&extensionv1.ProcessResponse{Error: e}) }
	for _, c := range []struct {
		name   string
		answer []byte
		err    error
		code   sdk.Code
		text   string
	}{
		{name: "not protobuf", answer: []byte("\xff\xff\xff"), code: sdk.ExtensionFault, text: "can not be read"},
		{name: "a name that is not UTF-8", answer: []byte("\x12\x01\xff"), code: sdk.ExtensionFault, text: "can not be read"},
		{name: "a type name that is none", answer: response(&extensionv1.ProcessResponse{Type: "a\r\nSet-Cookie: x"}), code: sdk.ExtensionFault, text: "no valid type"},
		{name: "a media type with a line break", answer: response(&extensionv1.ProcessResponse{MediaType: "a/b\r\nx: y"}), code: sdk.ExtensionFault, text: "media type"},
		{name: "a payload over the limit", answer: response(&extensionv1.ProcessResponse{Payload: make([]byte, testMax+1)}), code: sdk.ExtensionFault, text: "limit is 1048576"},
		{name: "a message over the limit", answer: response(&extensionv1.ProcessResponse{Payload: make([]byte, testMax+overhead+1)}), code: sdk.ExtensionFault, text: "larger than the limit"},
		{name: "an unknown code", answer: failure(&extensionv1.Error{Code: "ok", Message: "x"}), code: sdk.ExtensionFault, text: "unknown error code: x"},
		{name: "no code", answer: failure(&extensionv1.Error{}), code: sdk.ExtensionFault, text: "unknown error code"},
		{name: "a status of its own", err: status.Error(codes.PermissionDenied, "because"), code: sdk.ExtensionFault, text: "because"},
		{name: "a deadline of its own", err: status.Error(codes.DeadlineExceeded, "early"), code: sdk.ExtensionFault, text: "early"},
		{name: "a flood of trailers", err: status.Error(codes.Internal, strings.Repeat("x", 2*maxHeaders)), code: sdk.ExtensionFault, text: "can not be read"},
		{name: "a call it does not know", err: status.Error(codes.Unimplemented, "?"), code: sdk.ExtensionFault, text: "newer SDK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			child := liar(t, func() ([]byte, error) { return c.answer, c.err })
			_, err := process(t, child, "x.Any")
			wantError(t, err, c.code, c.text)
			_, _, err = child.Describe(t.Context(), nil)
			if c.err != nil {
				wantError(t, err, c.code, c.text)
			}
		})
	}
	t.Run("a flood of text", func(t *testing.T) {
		e := &extensionv1.Error{Code: "conflict", Message: strings.Repeat("é", 100_000), RetryAfterMs: math.MaxInt64}
		for range 10_000 {
			e.Violations = append(e.Violations, &extensionv1.Violation{Pointer: "/a"})
		}
		child := liar(t, func() ([]byte, error) { return failure(e), nil })
		_, err := process(t, child, "x.Any")
		got := wantError(t, err, sdk.Conflict, "é…")
		if len(got.Message) > maxMessage+3 || len(got.Violations) != maxViolations || got.RetryAfter != maxRetryAfter {
			t.Errorf("kept %d bytes, %d violations, %v", len(got.Message), len(got.Violations), got.RetryAfter)
		}
	})
	t.Run("metrics over the limit", func(t *testing.T) {
		for _, size := range []int{MaxMetricsBytes + 1, MaxMetricsBytes + overhead + 1} {
			child := liar(t, func() ([]byte, error) {
				return encoded(t, &extensionv1.CollectResponse{Text: make([]byte, size)}), nil
			})
			_, err := child.Collect(t.Context())
			wantError(t, err, sdk.TooLarge, "more than 524288 bytes")
		}
	})
	t.Run("project parameters that are not JSON", func(t *testing.T) {
		child := liar(t, func() ([]byte, error) {
			return encoded(t, &extensionv1.ProjectParametersResponse{Parameters: []byte(`{"a":`)}), nil
		})
		_, err := child.ProjectParameters(t.Context(), "p", "fr")
		wantError(t, err, sdk.ExtensionFault, "not one JSON value")
	})
}

func TestHostileTypes(t *testing.T) {
	request := func(name string) *extensionv1.Type { return &extensionv1.Type{Name: name, Role: "request"} }
	many := make([]*extensionv1.Type, maxTypes+1)
	for i := range many {
		many[i] = request(fmt.Sprintf("x.T%d", i))
	}
	for _, c := range []struct {
		name  string
		types []*extensionv1.Type
		text  string
	}{
		{"too many", many, "10001 types"},
		{"too large", []*extensionv1.Type{{Name: "x.T", Role: "request", Schema: []byte(`"` + strings.Repeat("x", maxTypesBytes) + `"`)}}, "more than 4194304 bytes"},
		{"no name", []*extensionv1.Type{request("")}, "valid name"},
		{"a name with control characters", []*extensionv1.Type{request("a\x1b[2J")}, `"a\x1b[2J"`},
		{"no role", []*extensionv1.Type{{Name: "x.T"}}, "no valid role"},
		{"a parent that is no name", []*extensionv1.Type{{Name: "x.T", Role: "request", Extends: "."}}, "extends no valid name"},
		{"a response that is no name", []*extensionv1.Type{{Name: "x.T", Role: "request", Response: "a..b"}}, "no valid response"},
		{"a schema that is not JSON", []*extensionv1.Type{{Name: "x.T", Role: "request", Schema: []byte("{")}}, "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			child := liar(t, func() ([]byte, error) { return encoded(t, &extensionv1.DescribeResponse{Types: c.types}), nil })
			_, _, err := child.Describe(t.Context(), nil)
			wantError(t, err, sdk.ExtensionFault, c.text)
		})
	}
}

// Whatever bytes a child answers with, what the host makes of them is bounded, valid
// and of the closed sets.
func FuzzAnswer(f *testing.F) {
	f.Add(encoded(f, &extensionv1.DescribeResponse{
		Error: &extensionv1.Error{Code: "conflict", Message: "x", RetryAfterMs: -1, Violations: []*extensionv1.Violation{{Pointer: "/a"}}},
		Types: []*extensionv1.Type{{Name: "x.T", Role: "request", Schema: []byte(`{}`)}},
	}))
	f.Add([]byte("\x12\x01\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var in extensionv1.DescribeResponse
		if proto.Unmarshal(data, &in) != nil {
			return
		}
		if in.Error != nil {
			e := errorFrom(in.Error)
			if !slices.Contains(sdk.Codes(), e.Code) || !utf8.ValidString(e.Message) || len(e.Message) > maxMessage+64 ||
				e.RetryAfter < 0 || e.RetryAfter > maxRetryAfter || len(e.Violations) > maxViolations {
				t.Errorf("got %+v", e)
			}
			if again := errorFrom(errorTo(e)); again.Code != e.Code || again.RetryAfter != e.RetryAfter || again.Retryable != e.Retryable {
				t.Errorf("%+v came back as %+v", e, again)
			}
		}
		types, err := typesFrom(in.Types)
		if err != nil && sdk.CodeOf(err) != sdk.ExtensionFault {
			t.Error(err)
		}
		for _, declared := range types {
			if !typeName(declared.Name) || len(declared.Schema) > maxTypesBytes {
				t.Errorf("got %+v", declared)
			}
		}
	})
}

func TestTypeName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "_": true, "a.b.C": true, "jmap.extensions.Outer$Inner2": true, strings.Repeat("a", 190): true,
		"": false, ".": false, "a.": false, ".a": false, "a..b": false, "1a": false, "a.1": false, "$a": false,
		"a b": false, "a-b": false, "é": false, "a\n": false, strings.Repeat("a", 191): false,
	} {
		if typeName(name) != want {
			t.Errorf("%q: got %t", name, !want)
		}
	}
}

func TestHandshakeLine(t *testing.T) {
	const line = "1|1|unix|/run/x|grpc|AAAA\n"
	for _, c := range []struct{ name, in, handshake, other string }{
		{"first", line, line, ""},
		{"after others", "hello\nworld\n" + line + "more\n", line, "hello\nworld\nmore\n"},
		{"in the middle of a line", "loading… " + line, line, "loading… \n"},
		{"twice", line + line, line, line},
		{"without a certificate", "1|1|unix|/run/x|grpc\nrest", "1|1|unix|/run/x|grpc\n", "rest"},
		{"never", "hello\n1|x|unix", "", "hello\n1|x|unix"},
		{"after a very long line", strings.Repeat("x", 3*maxHandshakeLine) + "\n" + line, line, strings.Repeat("x", 3*maxHandshakeLine) + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, stdout := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				var other bytes.Buffer
				got, err := io.ReadAll(HandshakeLine(io.NopCloser(stdout), &other))
				if err != nil || string(got) != c.handshake {
					t.Errorf("read %q, %v", got, err)
				}
				if other.String() != c.other {
					t.Errorf("the rest is %q", other.String())
				}
			}
		})
	}
}

// Nothing is lost, nothing is doubled, and at most one line is taken.
func FuzzHandshakeLine(f *testing.F) {
	f.Add([]byte("x1|1|unix|/run/x|grpc|AAAA\nmore"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var other bytes.Buffer
		got, err := io.ReadAll(HandshakeLine(io.NopCloser(iotest.HalfReader(bytes.NewReader(data))), &other))
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(data, got)
		want := bytes.Clone(data)
		if len(got) > 0 {
			if bytes.Count(got, []byte("\n")) != 1 {
				t.Errorf("took %q", got)
			}
			want = bytes.Clone(data[:at])
			if at > 0 && data[at-1] != '\n' {
				want = append(want, '\n')
			}
			want = append(want, data[at+len(got):]...)
		}
		if !bytes.Equal(other.Bytes(), want) {
			t.Errorf("the rest is %q, want %q", other.Bytes(), want)
		}
	})
}

func TestCheckAddress(t *testing.T) {
	for _, c := range []struct {
		network, address string
		ok               bool
	}{
		{"unix", "/run/ext/s", true}, {"unix", "/run/ext/a/s", true},
		{"tcp", "127.0.0.1:22", false}, {"unix", "/run/other", false}, {"unix", "/run/ext/../other", false},
		{"unix", "/run/ext", false}, {"unix", "s", false}, {"unix", "@abstract", false}, {"", "", false},
	} {
		if err := CheckAddress(c.network, c.address, "/run/ext"); (err == nil) != c.ok {
			t.Errorf("%s %s: got %v", c.network, c.address, err)
		}
	}
}

// A host that stops answering must not keep its children waiting.
func TestHostWatchWithoutConnection(t *testing.T) {
	exits := make(chan int, 1)
	watch := newHostWatch(discard(), time.Millisecond)
	watch.exit = func(code int) { exits <- code }
	watch.run()
	if code := <-exits; code != GoneExitCode {
		t.Errorf("exit code %d", code)
	}
}
