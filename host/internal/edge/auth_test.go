package edge

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// doorman knows one token.
type doorman struct{}

func (doorman) Authenticate(_ context.Context, token string) (sdk.Caller, error) {
	switch token {
	case "good-token":
		return sdk.Caller{Subject: "ada", Roles: []string{"viewer"}, Session: "s1"}, nil
	case "any-later":
		err := sdk.Errorf(sdk.Unavailable, "not now")
		err.RetryAfter = time.Second
		return sdk.Caller{}, err
	}
	return sdk.Caller{}, sdk.Errorf(sdk.Unauthenticated, "the token is not accepted")
}

// whoami answers the caller as the handler sees it.
func whoami(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
	return &sdk.Response{MediaType: "text/plain", Payload: fmt.Appendf(nil, "%+v", req.Caller)}, nil
}

func TestCredentials(t *testing.T) {
	l := listen(t, Config{Auth: doorman{}, Origins: []string{"https://maps.example"}}, opaque(whoami))
	for _, tc := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"none", nil, 401},
		{"good", []string{"Authorization", "Bearer good-token"}, 200},
		{"scheme in lower case", []string{"Authorization", "bearer good-token"}, 200},
		{"spaces", []string{"Authorization", "Bearer   good-token"}, 200},
		{"wrong", []string{"Authorization", "Bearer good-tokem"}, 401},
		{"prefix", []string{"Authorization", "Bearer good-token2"}, 401},
		{"not now", []string{"Authorization", "Bearer any-later"}, 503},
		{"basic", []string{"Authorization", "Basic Z29vZC10b2tlbg=="}, 401},
		{"token alone", []string{"Authorization", "good-token"}, 401},
		{"no token", []string{"Authorization", "Bearer"}, 401},
		{"two tokens", []string{"Authorization", "Bearer good-token good-token"}, 401},
		{"two headers", []string{"Authorization", "Bearer good-token", "Authorization", "Bearer good-token"}, 401},
		{"quotes", []string{"Authorization", `Bearer "good-token"`}, 401},
		{"cookie", []string{"Cookie", "token=good-token"}, 401},
		{"protocol without a socket", []string{"Sec-WebSocket-Protocol", "bearer, good-token"}, 401},
		{"protocol elsewhere", []string{"Upgrade", "websocket", "Sec-WebSocket-Protocol", "bearer, good-token"}, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.send("POST", "/v1/requests/x.Raw", "payload", tc.headers...)
			if r.StatusCode != tc.status {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
			challenge := r.Header.Get("Www-Authenticate")
			switch tc.status {
			case 200:
				if r.body != "{Subject:ada Roles:[viewer] Session:s1 Extension:}" {
					t.Errorf("the handler sees %s", r.body)
				}
			case 401:
				if r.problem.Code != sdk.Unauthenticated || !strings.HasPrefix(challenge, "Bearer") {
					t.Errorf("%q: %s", challenge, r.body)
				}
			case 503:
				if r.Header.Get("Retry-After") == "" || challenge != "" {
					t.Errorf("%v", r.Header)
				}
			}
		})
	}
	if strings.Contains(l.log.String(), "good-tok") {
		t.Error("the log shows a token")
	}
}

// TestEverythingUnderV1IsProtected: also what does not exist, so that nobody learns
// what does.
func TestEverythingUnderV1IsProtected(t *testing.T) {
	l := listen(t, Config{Auth: doorman{}, Origins: []string{"https://maps.example"}}, opaque(whoami))
	for _, tc := range []struct {
		method, path string
		status, with int // without and with a good token
	}{
		{"GET", "/v1/types", 401, 200}, {"HEAD", "/v1/types", 401, 200}, {"GET", "/v1/types/x.Raw", 401, 200}, {"GET", "/v1/types/x.Nobody", 401, 404},
		{"GET", "/v1/openapi.json", 401, 200}, {"POST", "/v1/requests/x.Nobody", 401, 404}, {"GET", "/v1/requests/x.Raw", 401, 405},
		{"POST", "/v1/requests/", 401, 404}, {"GET", "/v1/nothing", 401, 404}, {"DELETE", "/v1/types", 401, 405},
		{"GET", "/healthz", 200, 200}, {"GET", "/readyz", 200, 200}, {"OPTIONS", "/v1/requests/x.Raw", 204, 204},
	} {
		t.Run(tc.method+tc.path, func(t *testing.T) {
			if r := l.send(tc.method, tc.path, ""); r.StatusCode != tc.status {
				t.Errorf("without a token: %d %s", r.StatusCode, r.body)
			}
			if r := l.send(tc.method, tc.path, "", "Authorization", "Bearer good-token"); r.StatusCode != tc.with {
				t.Errorf("with a token: %d %s", r.StatusCode, r.body)
			}
		})
	}
	r := l.send("OPTIONS", "/v1/requests/x.Raw", "", "Origin", "https://maps.example", "Access-Control-Request-Method", "POST")
	if allowed := r.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(allowed, "Authorization") {
		t.Errorf("a page may send %q", allowed)
	}
}

func TestTokenAmongProtocols(t *testing.T) {
	for _, tc := range []struct {
		protocols []string
		want      string
	}{
		{[]string{"bearer, good-token"}, "good-token"}, {[]string{"bearer", "good-token"}, "good-token"}, {[]string{"bearer,good-token"}, "good-token"},
		{[]string{"good-token"}, ""}, {[]string{"bearer"}, ""}, {[]string{"bearer, a, b"}, ""}, {[]string{"x, bearer"}, ""}, {[]string{"bearer, a b"}, ""}, {nil, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://localhost"+connectPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Upgrade", "websocket")
		r.Header["Sec-Websocket-Protocol"] = tc.protocols
		if got, err := bearer(r); got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q: %q, %v", tc.protocols, got, err)
		}
	}
}
