package web

import (
	"cmp"
	"io"
	"net/http"
	"time"
)

// answerTime is how long the answer to an upload may take to be sent.
const answerTime = 30 * time.Second

func (s *Site) stall() time.Duration { return cmp.Or(s.Stall, 30*time.Second) }

// Pace lets the answer w to r take as long as it moves: the server's deadline for an answer
// is that of one piece of it.
func Pace(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	return &paced{w, http.NewResponseController(w), exchangeOf(r.Context()).stall}
}

type paced struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

// Write sends one piece. Where deadlines can not be set there are none; where setting one
// fails the connection is gone, which the write says better.
func (p *paced) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.stall))
	return p.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Incoming is a body that may take as long as it moves. After its end the handler has work
// more to think, during which the connection is not taken for dead.
func Incoming(w http.ResponseWriter, r *http.Request, work time.Duration) io.Reader {
	return &incoming{body: r.Body, control: http.NewResponseController(w), work: work, stall: exchangeOf(r.Context()).stall}
}

type incoming struct {
	body    io.Reader
	control *http.ResponseController
	work    time.Duration
	stall   time.Duration
}

func (in *incoming) Read(p []byte) (int, error) {
	_ = in.control.SetReadDeadline(time.Now().Add(in.stall))
	_ = in.control.SetWriteDeadline(time.Now().Add(in.work + in.stall + answerTime))
	n, err := in.body.Read(p)
	switch {
	case err == io.EOF:
		_ = in.control.SetReadDeadline(time.Now().Add(in.work + answerTime))
	case err != nil:
		err = bodyError(err)
	}
	return n, err
}
