package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// beatEvery is how often a stream says that it is still there, and looks whether its
	// reader still may see what comes.
	beatEvery = 15 * time.Second
	// takeTime is how long a reader may take for one event.
	takeTime = 20 * time.Second
	// MostStreams is how many streams there are at once. Each is a connection.
	MostStreams = 128
)

// Streams are the answers that go on until the reader leaves: server-sent events.
type Streams struct {
	access *access.Control
	places chan struct{}
	beat   time.Duration
}

// NewStreams makes Streams whose readers control identifies.
func NewStreams(control *access.Control) *Streams {
	return &Streams{access: control, places: make(chan struct{}, MostStreams), beat: beatEvery}
}

// SetBeat sets how often streams beat, for tests that do not wait. It is called before the
// first is opened.
func (s *Streams) SetBeat(every time.Duration) { s.beat = every }

// Stream is one of them. It belongs to the goroutine of its request.
type Stream struct {
	streams *Streams
	route   Route
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	who     access.Identity
	beat    time.Time // the last
}

// Open begins a stream for whoever sent r, who has come in by a route of this right. The
// stream must be closed; it is nil, without an error, for a HEAD.
func (s *Streams) Open(w http.ResponseWriter, r *http.Request, right access.Right) (*Stream, error) {
	select {
	case s.places <- struct{}{}:
	default:
		p := NewProblem(http.StatusServiceUnavailable, host.CodeUnavailable, "as many programs follow this host as may")
		p.Hint = "end one of them, or ask again later"
		return nil, p
	}
	head := w.Header()
	head.Set("Content-Type", "text/event-stream; charset=utf-8")
	head.Set("X-Accel-Buffering", "no") // proxies that gather answers would hold events back
	if r.Method == http.MethodHead {
		<-s.places
		return nil, nil
	}
	st := &Stream{
		streams: s, route: Route{Right: right}, w: w, r: r, control: http.NewResponseController(w),
		who: access.Of(r.Context()), beat: time.Now(),
	}
	st.allow()
	w.WriteHeader(http.StatusOK)
	_ = st.control.Flush() // a reader that is gone shows with the first event
	return st, nil
}

// Close makes room for another stream.
func (s *Stream) Close() { <-s.streams.places }

// Who is the reader, as of the last beat.
func (s *Stream) Who() access.Identity { return s.who }

// Send sends one event; id may be empty. The lines of data become the lines of the event.
func (s *Stream) Send(event, id string, data []byte) error {
	var b bytes.Buffer
	b.WriteString("event: " + event + "\n")
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	// A carriage return ends a line of the stream, too.
	for line := range bytes.SplitSeq(bytes.ReplaceAll(data, []byte{'\r'}, []byte{'\n'}), []byte{'\n'}) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return s.write(b.Bytes())
}

func (s *Stream) write(p []byte) error {
	s.allow()
	if _, err := s.w.Write(p); err != nil {
		return err
	}
	return s.control.Flush()
}

// allow gives the reader the time for one event. The server's own deadlines would end the
// stream; where they can not be set there are none.
func (s *Stream) allow() {
	now := time.Now()
	_ = s.control.SetWriteDeadline(now.Add(takeTime))
	_ = s.control.SetReadDeadline(now.Add(2*s.streams.beat + takeTime))
}

// errLeft ends a stream whose reader may not see any more what comes.
var errLeft = errors.New("the reader may not see this any more")

// pulse beats when it is time.
func (s *Stream) pulse() error {
	if time.Since(s.beat) < s.streams.beat {
		return nil
	}
	s.beat = time.Now()
	again := s.streams.access.Session
	if s.who.Via == access.ViaToken {
		again = s.streams.access.Bearer
	}
	s.who = again(s.r)
	if !s.who.Known() || s.who.MustChange || !s.who.May(s.route.Right, s.r.PathValue("id")) && s.r.PathValue("id") != "" {
		return errLeft
	}
	return s.write([]byte(": still here\n\n"))
}

// Pump sends what next gives until the reader leaves, or may not see it any more, or next
// ends. Next is to return the error of its context when nothing has come by then.
func Pump[T any](s *Stream, next func(context.Context) (T, error), send func(T) error) {
	ctx := s.r.Context()
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, s.streams.beat)
		value, err := next(wait)
		cancel()
		if err == nil {
			err = send(value)
		} else if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			err = nil
		}
		if err == nil {
			err = s.pulse()
		}
		if err != nil { // io.EOF: there is no more; else nobody is there to be told
			return
		}
	}
}

// Copy answers with text of any length, for a reader who may be slow as long as it takes
// some of it every takeTime.
func Copy(w http.ResponseWriter, from io.Reader) error {
	control := http.NewResponseController(w)
	block := make([]byte, 64<<10)
	for {
		n, err := from.Read(block)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(takeTime)) // as in allow
			if _, gone := w.Write(block[:n]); gone != nil {
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil { // the answer has begun: that it breaks off is how the reader learns of it
			panic(http.ErrAbortHandler)
		}
	}
}

// Notices tell that something has changed; *host.Subscription is one.
type Notices interface {
	// Next waits for the next notice, or until ctx ends: then it may be called again.
	Next(ctx context.Context) (host.Notice, error)
	Close()
}
