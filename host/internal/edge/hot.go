package edge

import (
	"net/http"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/sdk"
)

// requestsPath is where the hot route begins: POST /v1/requests/{type}.
const requestsPath = "/v1/requests/"

// hotType returns the {type} of a request for the hot route, percent-encoded as it
// was sent, and whether r is one. It says what the path patterns say
// (TestHotRouteIsThatOfThePatterns), at a fraction of their cost: a regular
// expression and a map for each request.
func hotType(r *http.Request) (encoded string, ok bool) {
	if r.Method != http.MethodPost {
		return "", false
	}
	encoded, ok = strings.CutPrefix(r.URL.EscapedPath(), requestsPath)
	return encoded, ok && encoded != "" && strings.IndexByte(encoded, '/') < 0
}

// exchangePool keeps exchanges, with the sdk.Request in them.
// One goes back only when nobody can be reading it: neither after a panic nor when
// the payload's buffer may not go back, for the same reason.
type exchangePool struct{ exchanges sync.Pool } // of *exchange

func (p *exchangePool) get() *exchange {
	if x, ok := p.exchanges.Get().(*exchange); ok {
		return x
	}
	return &exchange{}
}

func (p *exchangePool) put(x *exchange) {
	if x.reusable {
		*x = exchange{}
		p.exchanges.Put(x)
	}
}

// sized is the length of the longest answer of which net/http says the length by
// itself: it holds that much back until the handler has ended. A header less keeps
// the map of an answer's headers in its small form.
const sized = 2048 - 1

// answerValues are the values of an answer's headers, in one piece of memory.
type answerValues [5]string

func (v *answerValues) set(h http.Header, place int, name, value string) {
	v[place] = value
	h[name] = v[place : place+1 : place+1]
}

// newRequest fills in the exchange's own request.
func (x *exchange) newRequest(media string, payload []byte) *sdk.Request {
	x.request = sdk.Request{ID: x.id, Type: x.route.Type, MediaType: media, Payload: payload, Caller: x.caller}
	return &x.request
}
