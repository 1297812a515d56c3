package edge

import (
	"context"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/sdk"
)

// Authenticator tells who has a bearer token. Its errors are *sdk.Error, with the
// code unauthenticated, or unavailable when it can not be told just now.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (sdk.Caller, error)
}

// connectPath is where a browser opens a WebSocket, to which it can give a token
// only as one of the names of its protocols.
const connectPath = "/v1/connect"

// authenticate finds out who asks. Without an Authenticator everybody is anonymous.
// The token goes nowhere else: not into the log, and not to an extension.
func (e *edge) authenticate(x *exchange) error {
	if e.cfg.Auth == nil {
		return nil
	}
	token, fault := bearer(x.r)
	if fault != nil {
		x.w.Header().Set("Www-Authenticate", "Bearer")
		return fault
	}
	var err error
	x.caller, err = e.cfg.Auth.Authenticate(x.r.Context(), token)
	if sdk.CodeOf(err) == sdk.Unauthenticated {
		x.w.Header().Set("Www-Authenticate", `Bearer error="invalid_token"`)
	}
	return err
}

// bearer returns the token of a request: from Authorization, else, where a WebSocket
// is opened, from the protocols "bearer, <token>".
func bearer(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		if token := protocolToken(r); token != "" {
			return token, nil
		}
		return "", sdk.Errorf(sdk.Unauthenticated, "this host wants to know who asks: send the header Authorization: Bearer <token>")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "bearer") || !tokenText(token) {
		return "", sdk.Errorf(sdk.Unauthenticated, "the header Authorization must be Bearer and one token")
	}
	return token, nil
}

func protocolToken(r *http.Request) string {
	if r.URL.EscapedPath() != connectPath || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return ""
	}
	protocols := strings.Split(strings.Join(r.Header["Sec-Websocket-Protocol"], ","), ",")
	if len(protocols) != 2 || strings.TrimSpace(protocols[0]) != "bearer" {
		return ""
	}
	if token := strings.TrimSpace(protocols[1]); tokenText(token) {
		return token
	}
	return ""
}

// tokenText reports whether s can be a token: RFC 6750 calls it b64token.
func tokenText(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/=", c) >= 0:
		default:
			return false
		}
	}
	return true
}
