package duplex

import (
	"errors"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/jackfield-host/jackfield/sdk"
)

// bufferSize is that of the two buffers of a WebSocket, of which only the one for
// reading is there all the time. Larger messages pass by them.
const bufferSize = 512

// bearer is the subprotocol by which pages, which can set no header, offer a token:
// bearer, TOKEN. The answer names it and never the token.
const bearer = "bearer"

func newUpgrader() websocket.Upgrader {
	return websocket.Upgrader{
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, WriteBufferPool: &sync.Pool{},
		Subprotocols: []string{bearer},
		// Host and Origin are checked before, for all routes in one place.
		CheckOrigin: func(*http.Request) bool { return true },
		Error:       func(http.ResponseWriter, *http.Request, int, error) {},
	}
}

// Connect makes a WebSocket of the request and returns; the connection goes on in a
// goroutine of its own, on a new and small stack. header is sent with the upgrade. An
// error is for the client, which has got no answer yet; begun says that it has, or
// that it is gone.
func (l *Lines) Connect(w http.ResponseWriter, r *http.Request, header http.Header, requestID string, caller sdk.Caller) (begun bool, err error) {
	if err := l.join(); err != nil {
		return false, err
	}
	h := &hijacker{ResponseWriter: w, timeout: l.cfg.WriteTimeout}
	ws, err := l.upgrader.Upgrade(h, r, header)
	if err != nil {
		l.open.Done()
		var refused websocket.HandshakeError
		switch {
		case h.cable != nil:
			return true, nil // the client left, or sent before it was asked to
		case errors.As(err, &refused):
			w.Header().Set("Sec-Websocket-Version", "13")
			w.Header().Set("Upgrade", "websocket")
			return false, sdk.Errorf(sdk.InvalidArgument, "this is no WebSocket upgrade, version 13, over HTTP/1.1")
		}
		return false, err
	}
	c := newConn(l, ws, h.cable, requestID, caller)
	l.add(c)
	go c.run()
	return true, nil
}
