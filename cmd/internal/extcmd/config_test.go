package extcmd

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

func configured() host.Configuration {
	return host.Configuration{
		Schema: []byte(`{"properties":{"name":{"type":"string"},"limit":{"type":"integer"},"mail":{"type":"object","properties":{"port":{"type":"integer"}}},"any":{}}}`),
		Values: []byte(`{"name":"\u001b[2J","mail":{"port":25},"a.b":[1]}`), Secrets: []host.Secret{{Pointer: "/mail/password", Set: true}, {Pointer: "/key"}},
		Revision: 3, By: "ada\x1b", Changed: ptr(time.Unix(0, 0)),
	}
}

func ptr[T any](v T) *T { return &v }

func TestConfigShows(t *testing.T) {
	home := string(homeOf(t, &house{rows: rows(), config: configured()}, http.NotFoundHandler()))
	out, err := ext("", "config", hello, "--home", home)
	want := "KEY             VALUE\n/name           \"\\u001b[2J\"\n/mail/port      25\n/a.b            [1]\n/mail/password  (secret)\n/key            (secret, not set)\nrevision 3, by ada\\x1b at 1970-01-01T00:00:00Z\n"
	if err != nil || out != want {
		t.Errorf("printed\n%s%v\nwant\n%s", out, err, want)
	}
	out, err = ext("", "config", hello, "--home", home, "-o", "json")
	if err != nil || !strings.Contains(out, `"revision": 3`) || !strings.Contains(out, `"pointer": "/mail/password"`) {
		t.Errorf("printed %s %v", out, err)
	}
}

func TestConfigSets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "whole.json")
	if err := os.WriteFile(file, []byte(`{"name":"from a file"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"a text and a number":       {[]string{"set", "name=5", "limit=5"}, "", `{"name":"5","mail":{"port":25},"a.b":[1],"limit":5}`},
		"JSON, or else a text":      {[]string{"set", `any={"x":[true]}`, "other=hello=world"}, "", `{"name":"\u001b[2J","mail":{"port":25},"a.b":[1],"any":{"x":[true]},"other":"hello=world"}`},
		"within an object":          {[]string{"set", "mail.port=26", "new.one=1"}, "", `{"name":"\u001b[2J","mail":{"port":26},"a.b":[1],"new":{"one":1}}`},
		"by pointer":                {[]string{"set", "/a.b=[2]"}, "", `{"name":"\u001b[2J","mail":{"port":25},"a.b":[2]}`},
		"a secret from stdin":       {[]string{"set", "key=@-"}, "hush\n", `{"name":"\u001b[2J","mail":{"port":25},"a.b":[1],"key":"hush"}`},
		"nothing of a value":        {[]string{"unset", "name", "/a.b", "not.there"}, "", `{"mail":{"port":25}}`},
		"a secret is cleared":       {[]string{"unset", "mail.password"}, "", `{"name":"\u001b[2J","mail":{"port":25,"password":null},"a.b":[1]}`},
		"the whole from a file":     {[]string{"set", "--file", file}, "", `{"name":"from a file"}`},
		"the whole from stdin":      {[]string{"set", "--file", "-"}, `{"b":1,"a":2}`, `{"b":1,"a":2}`},
		"a dry run changes nothing": {[]string{"set", "limit=1", "--dry-run"}, "", `{"name":"\u001b[2J","mail":{"port":25},"a.b":[1],"limit":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{rows: rows(), config: configured(), diff: []host.Difference{
				{Pointer: "/limit", Kind: "added", After: []byte("5")}, {Pointer: "/name", Kind: "changed", Before: []byte(`"a"`), After: []byte(`"5"`)},
				{Pointer: "/old", Kind: "removed", Before: []byte("1")}, {Pointer: "/key", Kind: "changed", Secret: true},
			}}
			out, err := ext(c.stdin, append([]string{"config", hello, "--home", string(homeOf(t, h, http.NotFoundHandler()))}, c.args...)...)
			if err != nil || len(h.configured) != 1 {
				t.Fatalf("%v %s: %+v", err, out, h.configured)
			}
			got := h.configured[0]
			if string(got.Values) != c.want || got.Revision != 3 || got.ID != hello {
				t.Errorf("asked for %s of revision %d, want %s", got.Values, got.Revision, c.want)
			}
			said := "revision 4: the extension takes it while it runs"
			if got.DryRun {
				said = "nothing was changed; otherwise: the extension takes it while it runs"
			}
			if want := "+ /limit  5\n~ /name  \"a\" → \"5\"\n- /old  1\n~ /key  (secret) → (secret)\n" + said + "\n"; out != want || got.DryRun != strings.Contains(name, "dry") {
				t.Errorf("printed\n%swant\n%s", out, want)
			}
		})
	}
}

func TestConfigRefuses(t *testing.T) {
	h := &house{rows: rows(), config: configured()}
	home := string(homeOf(t, h, http.NotFoundHandler()))
	for name, c := range map[string]struct {
		args  []string
		parts []string
	}{
		"a secret as an argument":  {[]string{"set", "mail.password=hush"}, []string{"mail.password is a secret", "mail.password=@-"}},
		"a part of a secret":       {[]string{"set", "key.part=hush"}, []string{"is a secret"}},
		"nothing to set":           {[]string{"set"}, []string{"nothing to set"}},
		"nothing to unset":         {[]string{"unset"}, []string{"nothing to unset"}},
		"another word":             {[]string{"put", "a=1"}, []string{`"put" is neither set nor unset`}},
		"a key without a value":    {[]string{"set", "limit"}, []string{`"limit" cannot be set`}},
		"a value to unset":         {[]string{"unset", "limit=1"}, []string{`"limit=1" cannot be unset`}},
		"both":                     {[]string{"set", "--file", "x", "a=1"}, []string{"not both"}},
		"a file to show":           {[]string{"--file", "x"}, []string{"for set"}},
		"below what is no object":  {[]string{"set", "name.first=x"}, []string{"no object"}},
		"a file that is not there": {[]string{"set", "--file", filepath.Join(t.TempDir(), "x")}, []string{"no such file"}},
		"stdin twice":              {[]string{"set", "a=@-", "b=@-"}, []string{"one value only"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ext("x", append([]string{"config", hello, "--home", home}, c.args...)...)
			wantError(t, err, 2, c.parts...)
		})
	}
	if len(h.configured) != 0 {
		t.Errorf("the host was asked for %+v", h.configured)
	}
	h.refuse = &host.Error{Code: host.CodeValidationFailed, Message: "no", Violations: []host.Violation{{Pointer: "/limit", Message: "too much\x1b"}}}
	_, err := ext("", "config", hello, "--home", home, "set", "limit=9")
	wantError(t, err, 1, "validation_failed", `at /limit: too much\x1b`, "config ID -o json' shows the schema")
}
