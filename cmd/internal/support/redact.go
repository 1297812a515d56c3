package support

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Blank stands where a secret was.
const Blank = "[redacted]"

// shortest is below which a secret that is known is not looked for: too much would be
// blanked that is none.
const shortest = 6

// Redactor blanks secrets. It may be used by several goroutines.
type Redactor struct {
	known       *strings.Replacer // nil for none
	keys, rules []rule
}

// rule blanks what a pattern finds in a line that has one of these texts in it, in lower
// case: most lines have none, and looking for a text is far quicker than for a pattern.
type rule struct {
	needs   []string
	pattern *regexp.Regexp
	with    string
}

// NewRedactor makes a Redactor that also blanks these secrets wherever they stand, as they
// are and as JSON, URLs and base64 write them.
func NewRedactor(secrets []string) *Redactor {
	var forms []string
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		if len(s) < shortest {
			continue
		}
		quoted, _ := json.Marshal(s) // of a string it succeeds
		forms = append(forms, s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s))
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			forms = append(forms, e.EncodeToString([]byte(s)))
		}
	}
	// The longest first: of two that begin alike, Replacer takes the first.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	r := &Redactor{keys: keys(), rules: rules()}
	var pairs []string
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, Blank)
	}
	if len(pairs) > 0 {
		r.known = strings.NewReplacer(pairs...)
	}
	return r
}

// named are the words whose values are secrets, at the end or in the middle of a name; each
// has one of namedTexts in it.
const named = `(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|credentials?|authorization|cookie|session[_.-]?id|dsn|connection[_.-]?string)[\w.$-]*`

func namedTexts() []string {
	return []string{"pass", "pwd", "secret", "token", "key", "credential", "authorization", "cookie", "session", "dsn", "connection"}
}

// keys are private keys in PEM, which have several lines.
func keys() []rule {
	needs := []string{"private key-----"}
	return []rule{
		// Whole, also with its line breaks escaped, or cut off.
		{needs, regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`), Blank},
		// What is left of one whose beginning was cut off.
		{needs, regexp.MustCompile(`(?:[A-Za-z0-9+/=]{16,}\s+)+-----END [A-Z0-9 ]*PRIVATE KEY-----`), Blank},
	}
}

// rules are what looks like a secret in a line, whoever wrote it.
func rules() []rule {
	return []rule{
		// Authorization: Basic …, Bearer …, in headers and in text.
		{[]string{"bearer", "basic", "digest", "negotiate"}, regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate)\s+[A-Za-z0-9+/._~=-]{6,}`), "$1 " + Blank},
		// user:password@ in addresses.
		{[]string{"://"}, regexp.MustCompile(`(?i)(://)[^\s/@"'<>]*@`), "$1" + Blank + "@"},
		// JSON Web Tokens.
		{[]string{"eyj"}, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?`), Blank},
		// Tokens of well-known makers: ours, GitHub's, GitLab's, Slack's, AWS's, Google's, Stripe's.
		{[]string{"jfk_", "gh", "glpat", "xox", "akia", "asia", "aiza", "k_live", "k_test"},
			regexp.MustCompile(`\b(?:jfk_[A-Za-z0-9]{16,}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|A[KS]IA[A-Z0-9]{16}|AIza[\w-]{30,}|[rs]k_(?:live|test)_\w{10,})`), Blank},
		// "NAME": "value" and NAME="value"; the value may be cut off.
		{namedTexts(), regexp.MustCompile(`(?i)(` + named + `["']?\s*[:=]\s*)"(?:[^"\\]|\\.)*(?:"|\\?$)`), `${1}"` + Blank + `"`},
		// The same as JSON within JSON: \"NAME\": \"value\".
		{namedTexts(), regexp.MustCompile(`(?i)(` + named + `\\*["']?\s*[:=]\s*)(\\+")(?:[^"\\]|\\\\\\"|\\\\|\\[^"\\])*\\*(?:"|$)`), `${1}${2}` + Blank + `${2}`},
		// NAME='value', NAME: value and NAME=value up to the next space.
		{namedTexts(), regexp.MustCompile(`(?i)(` + named + `["']?\s*[:=]\s*)(?:'[^']*(?:'|$)|[^\s,;&"'{}\[\]()\\][^\s,;&"'{}\[\]()\\]*)`), "${1}" + Blank},
		// --password value.
		{namedTexts(), regexp.MustCompile(`(?i)(--?[\w.-]*` + named + `)\s+[^\s"'-][^\s"']*`), "$1 " + Blank},
	}
}

// Redact blanks secrets in text. What it knows it finds everywhere. Beyond that it finds
// values of names such as password, secret, token and key, credentials in URLs and headers,
// private keys and tokens of well-known forms. A secret in a form of its own, in the middle
// of a sentence, it can not tell.
func (r *Redactor) Redact(text string) string {
	if r.known != nil {
		text = r.known.Replace(text)
	}
	text = apply(r.keys, text)
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.Lines(text) {
		end := ""
		if rest, ok := strings.CutSuffix(line, "\n"); ok {
			line, end = rest, "\n"
		}
		b.WriteString(apply(r.rules, line) + end)
	}
	return b.String()
}

func apply(rules []rule, text string) string {
	lower := strings.ToLower(text)
	for _, rule := range rules {
		if slices.ContainsFunc(rule.needs, func(need string) bool { return strings.Contains(lower, need) }) {
			text = rule.pattern.ReplaceAllString(text, rule.with)
		}
	}
	return text
}
