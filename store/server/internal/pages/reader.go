package pages

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/store"
)

// reader is who looks at a page: all of them that is known.
type reader struct {
	// language is that of the page's own words.
	language language.Language
	// wanted are the languages that texts of publishers should have, best first, in lower
	// case with hyphens.
	wanted []string
	// chosen is the language that the address asks for, empty for that of the browser. It
	// stays in the links of the page.
	chosen string
}

// maxWanted bounds how many languages of a browser count: it is part of the key under
// which pages are kept.
const maxWanted = 4

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}$`)

func readerOf(r *http.Request) reader {
	who := reader{}
	header := r.Header.Get("Accept-Language")
	if asked := r.URL.Query().Get("lang"); languageTag.MatchString(asked) {
		header = asked
		who.chosen = strings.ToLower(strings.ReplaceAll(asked, "_", "-"))
	}
	who.wanted = store.Locales(header)
	who.wanted = who.wanted[:min(len(who.wanted), maxWanted)]
	who.language = language.Negotiate("", header)
	return who
}

// textFor is the text of a listing for a reader, and the locale that it is in; "" for the
// one that the publisher has set for everybody.
func (who reader) textFor(l *store.Listing) (store.Text, string) { return l.Text(who.wanted...) }
