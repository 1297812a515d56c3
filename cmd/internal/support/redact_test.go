package support

import (
	"encoding/json"
	"strings"
	"testing"
)

// canary is what must not be left; no rule knows it.
const canary = "cAnArY7Zq4"

func TestRedact(t *testing.T) {
	for name, text := range map[string]string{
		"header":              "Authorization: Bearer " + canary,
		"header in a log":     `level=info msg="sent" authorization="Basic ` + canary + `="`,
		"bearer in a text":    "the server said 401 to bearer " + canary,
		"URL":                 "dialling postgres://app:" + canary + "@db.example.org:5432/x?sslmode=off",
		"URL, password alone": "redis://:" + canary + "@cache:6379",
		"key=value":           "password=" + canary + " user=app",
		"key: value":          "db.password: " + canary,
		"quoted":              `client_secret="two words ` + canary + `"`,
		"single quotes":       `apikey='` + canary + ` x'`,
		"JSON":                `{"user":"a","api_key":"` + canary + `","x":1}`,
		"JSON, escaped quote": `{"password":"a\"` + canary + `"}`,
		"JSON within JSON":    `{"msg":"{\"password\":\"` + canary + `\"}"}`,
		"cut off":             `token="` + canary,
		"cut off escape":      `token="` + canary + `\`,
		"part of a name":      "MYAPP_DB_PASSWORD=" + canary,
		"flag":                "app --password " + canary + " --verbose",
		"cookie":              "Cookie: sid=" + canary,
		"private key":         "-----BEGIN EC PRIVATE KEY-----\n" + canary + "\n-----END EC PRIVATE KEY-----\n",
		"private key, cut":    "-----BEGIN PRIVATE KEY-----\n" + canary,
		"private key in JSON": `{"pem":"-----BEGIN PRIVATE KEY-----\n` + canary + `\n-----END PRIVATE KEY-----"}`,
		"web token":           "eyJhbGciOiJub25lIn0." + canary + "." + canary,
		"our token":           "using jfk_" + canary + canary,
		"GitHub's":            "ghp_" + canary + canary + canary,
		"DSN":                 "dsn=app:" + canary + "@tcp(db)/x",
	} {
		if got := NewRedactor(nil).Redact(text); strings.Contains(got, canary) || !strings.Contains(got, Blank) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	r := NewRedactor([]string{"", "abc"})
	for _, text := range []string{
		"the extension org.example.Maps was started",
		`{"id":"a","signature":{"state":"valid","chain":["CN=x"]},"permissions":["kv"]}`,
		"https://example.org/a?b=c", "mailto:someone@example.org",
		"goroutine 1 [select]:\nmain.main()\n\t/src/main.go:12 +0x1d",
		`jackfield_requests_total{extension="a",code="ok"} 5`,
		"abc", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
	} {
		if got := r.Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestKnownSecretsInEveryForm(t *testing.T) {
	secret := `pa"ss w/ö+` + canary
	r := NewRedactor([]string{secret + "\n", "short"})
	quoted, _ := json.Marshal(secret)
	for _, text := range []string{
		"it is " + secret + " here", `{"x":` + string(quoted) + `}`,
		"/a?b=pa%22ss+w%2F%C3%B6%2B" + canary, "cGEic3Mgdy/DtitjQW5Bclk3WnE0",
	} {
		if got := r.Redact(text); strings.Contains(got, canary) || !strings.Contains(got, Blank) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// FuzzRedact holds that a known secret never comes through, whatever is around it.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"password=x", `{"token":"a\"b"}`, `{"msg":"{\"password\":\"x\"}"}`, "Bearer abcdefgh", "postgres://a:b@c/d", `secret="`, `token='a' "`} {
		f.Add(seed)
	}
	r := NewRedactor([]string{canary})
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		half := len(text) / 2
		got := r.Redact(text[:half] + canary + text[half:])
		if strings.Contains(got, canary) {
			t.Errorf("%q became %q", text, got)
		}
		if again := r.Redact(got); strings.Contains(again, canary) {
			t.Errorf("%q became %q", got, again)
		}
	})
}
