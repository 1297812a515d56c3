package router

import "strings"

// maxMedia bounds a media type with its parameters, in bytes.
const maxMedia = 255

// MediaType reads a media type as RFC 9110 writes it, text/plain;charset=utf-8 for
// one. It returns the type and subtype in lower case, and the value of the
// parameter charset in lower case, "" if there is none. ok is false for anything
// that is malformed, longer than 255 bytes or not ASCII, and where charset stands
// twice. It allocates only to change the letter case or to unquote charset.
func MediaType(s string) (essence, charset string, ok bool) {
	if len(s) > maxMedia {
		return "", "", false
	}
	n := token(s)
	if n == 0 || n == len(s) || s[n] != '/' {
		return "", "", false
	}
	m := token(s[n+1:])
	if m == 0 {
		return "", "", false
	}
	essence, rest := s[:n+1+m], s[n+1+m:]
	seen := false
	for rest != "" {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest[0] != ';' {
			return "", "", false
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		if rest == "" || rest[0] == ';' {
			continue // empty parameters are allowed
		}
		name, value, after, ok := parameter(rest)
		if !ok {
			return "", "", false
		}
		rest = after
		if strings.EqualFold(name, "charset") {
			if seen {
				return "", "", false
			}
			seen, charset = true, strings.ToLower(value)
		}
	}
	return strings.ToLower(essence), charset, true
}

// parameter reads name=value from the beginning of s.
func parameter(s string) (name, value, rest string, ok bool) {
	n := token(s)
	if n == 0 || n == len(s) || s[n] != '=' {
		return "", "", "", false
	}
	name, s = s[:n], s[n+1:]
	if !strings.HasPrefix(s, `"`) {
		m := token(s)
		return name, s[:m], s[m:], m > 0
	}
	var unquoted strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return name, unquoted.String(), s[i+1:], true
		case c == '\\':
			if i++; i == len(s) || !quotable(s[i]) {
				return "", "", "", false
			}
			unquoted.WriteByte(s[i])
		case !quotable(c):
			return "", "", "", false
		default:
			unquoted.WriteByte(c)
		}
	}
	return "", "", "", false
}

func quotable(c byte) bool { return c == '\t' || c >= ' ' && c <= '~' }

// token returns the length of the token (RFC 9110, 5.6.2) at the beginning of s.
func token(s string) int {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return i
		}
	}
	return len(s)
}

func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// IsJSON reports whether a media type, as MediaType returns it, says that the
// payload is JSON.
func IsJSON(essence string) bool {
	return essence == "application/json" || strings.HasSuffix(essence, "+json")
}
