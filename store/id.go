package store

import "strings"

// FoldID is the form in which ids are compared: lower case, without "-", "_" and ".".
// Two ids with the same form are one id to people, so only one can be in a store. Ids are
// ASCII (docs/bundle.md).
func FoldID(id string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-', r == '_', r == '.':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + ('a' - 'A')
		}
		return r
	}, id)
}
