package bundle

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/internal/nearest"
)

// prefix begins the name of every attribute that is ours, in lower case.
const prefix = "extension_"

const (
	maxIDLength   = 190 // a file name and a database key with room for more
	maxNameLength = 64  // characters
)

// rule is one row of the table in bundle.md, "Manifest".
type rule struct {
	name     string
	required bool
	// apply checks value and stores it. The warning is for what is odd but harmless.
	apply func(m *Manifest, value string) (warning string, err error)
}

// rules returns the table, in the order of bundle.md.
func rules() []rule {
	return []rule{
		{"extension_class", true, into(func(m *Manifest) *string { return &m.Class }, checkDottedName)},
		{"extension_request", true, into(func(m *Manifest) *string { return &m.Request }, checkDottedName)},
		{"extension_response", true, into(func(m *Manifest) *string { return &m.Response }, checkDottedName)},
		{"extension_name", true, into(func(m *Manifest) *string { return &m.Name }, checkDisplayName)},
		{"extension_version", true, applyVersion},
		{"extension_id", false, into(func(m *Manifest) *string { return &m.ID }, checkID)},
		{"extension_description", false, text(func(m *Manifest) *string { return &m.Description })},
		{"extension_vendor", false, text(func(m *Manifest) *string { return &m.Vendor })},
		{"extension_license", false, applyLicense},
		{"extension_homepage", false, into(func(m *Manifest) *string { return &m.Homepage }, checkURL)},
		{"extension_support", false, into(func(m *Manifest) *string { return &m.Support }, checkURL)},
		{"extension_release_notes", false, into(func(m *Manifest) *string { return &m.ReleaseNotes }, checkURL)},
		{"extension_source", false, into(func(m *Manifest) *string { return &m.Source }, checkURL)},
		{"extension_security", false, into(func(m *Manifest) *string { return &m.Security }, checkContact)},
		{"extension_min_host", false, applyMinHost},
		{"extension_requires", false, applyRequires},
		{"extension_exec", false, into(func(m *Manifest) *string { return &m.Exec }, checkExec)},
		{"extension_permissions", false, applyPermissions},
		{"extension_upgrade", false, applyUpgrade},
		{"extension_singleton", false, applySingleton},
	}
}

// checkKnown refuses extension_* attributes that no rule knows: a misspelled one
// must not be silent.
func checkKnown(main []attribute) error {
	table := rules()
	for _, a := range main {
		if !strings.HasPrefix(a.key, prefix) {
			continue
		}
		closest, best := "", len(a.key)
		known := false
		for _, r := range table {
			if d := nearest.Distance(a.key, r.name); d < best {
				closest, best = r.name, d
			}
			known = known || r.name == a.key
		}
		if known {
			continue
		}
		if best <= max(2, len(a.key[len(prefix):])/2) {
			return manifestError(a.line, "unknown attribute %s; did you mean %s?", a.key, closest)
		}
		return manifestError(a.line, "unknown attribute %s; of those that begin with %s only the ones in the documentation are allowed (the nearest is %s)", a.key, prefix, closest)
	}
	return nil
}

// into makes the apply of an attribute that is stored as written.
func into(field func(*Manifest) *string, check func(string) error) func(*Manifest, string) (string, error) {
	return func(m *Manifest, value string) (string, error) {
		*field(m) = value
		return "", check(value)
	}
}

// text makes the apply of an attribute that people read and nothing else does.
func text(field func(*Manifest) *string) func(*Manifest, string) (string, error) {
	return func(m *Manifest, value string) (string, error) {
		*field(m) = value
		if value == "" {
			return "the value is empty", nil
		}
		return "", checkText(value)
	}
}

func checkText(value string) error {
	for _, r := range value {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) && !isDirectionMark(r) || unicode.Is(unicode.Co, r) {
			return fmt.Errorf("the character %U is not allowed; control, direction and private-use characters can make a text lie", r)
		}
	}
	return nil
}

// isDirectionMark tells the marks that ordinary Arabic and Hebrew text contains;
// unlike embeddings and overrides they can not turn their neighbours around.
func isDirectionMark(r rune) bool { return r == '\u200e' || r == '\u200f' || r == '\u061c' }

func checkDisplayName(value string) error {
	if value == "" {
		return errors.New("the value is empty")
	}
	if n := utf8.RuneCountInString(value); n > maxNameLength {
		return fmt.Errorf("a name has at most %d characters, this one has %d", maxNameLength, n)
	}
	for _, r := range value {
		// IsPrint is just the rule: letters, marks, numbers, punctuation, symbols
		// and the plain space.
		if !unicode.IsPrint(r) {
			return fmt.Errorf("the character %U is not allowed; a name has letters, marks, digits, punctuation, symbols and plain spaces", r)
		}
	}
	return nil
}

// checkDottedName checks a class or type name.
func checkDottedName(value string) error {
	if value == "" {
		return errors.New("the value is empty")
	}
	if len(value) > maxIDLength {
		return fmt.Errorf("the name %s is longer than %d characters", quote(value), maxIDLength)
	}
	for part := range strings.SplitSeq(value, ".") {
		if !all(part, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '$' }) ||
			isDigit(part[0]) || part[0] == '$' {
			return fmt.Errorf("%s is no full class name; it needs dotted parts of letters, digits, _ and $, each beginning with a letter or _", quote(value))
		}
	}
	return nil
}

func checkID(value string) error {
	switch {
	case value == "":
		return errors.New("an id is empty")
	case len(value) > maxIDLength:
		return fmt.Errorf("the id %s is longer than %d characters", quote(value), maxIDLength)
	case !all(value, func(c byte) bool { return isLetter(c) || isDigit(c) || strings.IndexByte("_$.-", c) >= 0 }):
		return fmt.Errorf("the id %s has other characters than letters, digits, _ $ . and -", quote(value))
	case !isLetter(value[0]) && value[0] != '_':
		return fmt.Errorf("the id %s does not begin with a letter or _", quote(value))
	case strings.Contains(value, "..") || strings.HasSuffix(value, "."):
		return fmt.Errorf("the id %s has an empty part between dots", quote(value))
	case strings.HasSuffix(strings.ToLower(value), ".jar"):
		return fmt.Errorf("the id %s ends in .jar, like a file name", quote(value))
	}
	return nil
}

func applyVersion(m *Manifest, value string) (warning string, err error) {
	m.Version, err = ParseVersion(value)
	return "", err
}

func applyMinHost(m *Manifest, value string) (string, error) {
	v, err := ParseVersion(value)
	m.MinHost = &v
	return "", err
}

func applyRequires(m *Manifest, value string) (warning string, err error) {
	if value == "" {
		return "the value is empty", nil
	}
	m.Requires, err = parseRequires(value)
	return "", err
}

// applyLicense takes any text, since there are private licences; an SPDX expression
// has no other characters than these.
func applyLicense(m *Manifest, value string) (string, error) {
	warning, err := text(func(m *Manifest) *string { return &m.License })(m, value)
	if err == nil && warning == "" && !all(value, func(c byte) bool {
		return isLetter(c) || isDigit(c) || strings.IndexByte("-.+:() ", c) >= 0
	}) {
		warning = "the value is no SPDX identifier such as Apache-2.0"
	}
	return warning, err
}

func checkURL(value string) error {
	u, err := parseURL(value)
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s is no http or https address", quote(value))
	}
	switch {
	case u.Hostname() == "":
		return fmt.Errorf("the address %s names no host", quote(value))
	case u.User != nil:
		return fmt.Errorf("the address %s has a user name before its host, which hides where it leads", quote(value))
	}
	return nil
}

// checkContact takes what checkURL takes, and mailto: addresses.
func checkContact(value string) error {
	u, err := parseURL(value)
	if err != nil {
		return err
	}
	if u.Scheme != "mailto" {
		return checkURL(value)
	}
	local, domain, ok := strings.Cut(u.Opaque, "@")
	if !ok || local == "" || domain == "" || strings.Contains(domain, "@") {
		return fmt.Errorf("%s is no mailto: address", quote(value))
	}
	return nil
}

func parseURL(value string) (*url.URL, error) {
	if !all(value, func(c byte) bool { return '!' <= c && c <= '~' && strings.IndexByte("\"<>\\^`{|}", c) < 0 }) {
		return nil, fmt.Errorf("%s is no web address; other characters than a URL allows must be percent-encoded", quote(value))
	}
	u, err := url.Parse(value)
	if err != nil {
		return nil, fmt.Errorf("%s is no web address", quote(value))
	}
	return u, nil
}

// checkExec checks the path with its placeholders filled in.
func checkExec(value string) error {
	p := strings.NewReplacer("${os}", "os", "${arch}", "arch").Replace(value)
	switch {
	case p == "":
		return errors.New("the path is empty; leave the attribute out for " + defaultExec)
	case strings.Contains(p, "${"):
		return fmt.Errorf("only ${os} and ${arch} are replaced, %s has another placeholder", quote(value))
	case strings.HasPrefix(p, "/"):
		return fmt.Errorf("the path %s must be relative to the bundle", quote(value))
	case path.Clean(p) != p || p == "." || p == ".." || strings.HasPrefix(p, "../"):
		return fmt.Errorf("the path %s must be clean: no . or .. parts, no double slash, no slash at the end", quote(value))
	case len(p) > 1024 || strings.ContainsAny(p, `\:`) || strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("the path %s can not be the name of an entry", quote(value))
	}
	for part := range strings.SplitSeq(p, "/") {
		if len(part) > 255 || strings.HasSuffix(part, " ") || strings.HasSuffix(part, ".") {
			return fmt.Errorf("the path %s can not be the name of an entry", quote(value))
		}
	}
	// Files of a JAR signature lie there, which the signature can not cover.
	if dir, _, ok := strings.Cut(p, "/"); ok && strings.EqualFold(dir, "META-INF") {
		return fmt.Errorf("the path %s must not lie in META-INF", quote(value))
	}
	return nil
}

func applyUpgrade(m *Manifest, value string) (string, error) {
	m.Upgrade = Upgrade(value)
	if m.Upgrade != UpgradeExclusive && m.Upgrade != UpgradeOverlap {
		return "", fmt.Errorf("%s is neither %s nor %s", quote(value), UpgradeExclusive, UpgradeOverlap)
	}
	return "", nil
}

func applySingleton(m *Manifest, value string) (string, error) {
	m.Singleton = value == "true"
	if value != "true" && value != "false" {
		return "", fmt.Errorf("%s is neither true nor false", quote(value))
	}
	return "", nil
}

// quote makes hostile text fit for one line of a message.
func quote(s string) string {
	const limit = 100
	if len(s) > limit {
		return strconv.Quote(s[:limit]) + "…"
	}
	return strconv.Quote(s)
}
