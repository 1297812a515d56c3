package extcmd

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/jackfield-host/jackfield/cmd/internal/running"
)

// TestWhereTheTokenGoes: the administrator's token of the home goes with a request
// only where the host asks for one, and only to where it said it listens.
func TestWhereTheTokenGoes(t *testing.T) {
	var got string
	requests := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		fmt.Fprint(w, "{}")
	})
	home := newHome(t, requests)
	here, elsewhere := serveOn(t, requests), serveOn(t, requests)
	const own, given = "Bearer " + testToken, "Bearer another-token-of-mine"
	for _, tc := range []struct {
		name, auth string
		args       []string
		env        string
		want       string
	}{
		{name: "nobody asks"},
		{name: "the host asks", auth: "token", want: own},
		{name: "it asks for somebody else's", auth: "oidc"},
		{name: "another address", auth: "token", args: []string{"--requests", "http://" + elsewhere}},
		{name: "given", auth: "oidc", args: []string{"--token", "another-token-of-mine"}, want: given},
		{name: "given for another address", auth: "token", args: []string{"--token", "another-token-of-mine", "--requests", "http://" + elsewhere}, want: given},
		{name: "of an environment that names another host", auth: "oidc", env: "another-token-of-mine"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("JACKFIELD_TOKEN", tc.env)
			withdraw, err := running.Announce(home, running.Host{PID: os.Getpid(), Requests: here, Admin: here, RequestsAuth: tc.auth})
			if err != nil {
				t.Fatal(err)
			}
			got = "nothing came"
			if _, err := ext("", append([]string{"call", "x.Request", "--home", string(home)}, tc.args...)...); err != nil {
				t.Error(err)
			}
			if got != tc.want {
				t.Errorf("the host got %q, want %q", got, tc.want)
			}
			if err := withdraw(); err != nil {
				t.Error(err)
			}
		})
	}
}
