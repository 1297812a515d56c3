package pages

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	xlanguage "golang.org/x/text/language"

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
		who.chosen = locale(asked)
		who.wanted = []string{who.chosen}
		header = who.chosen
	} else {
		who.wanted = wantedOf(header)
	}
	who.language = language.Negotiate("", header)
	return who
}

// locale is the form in which store.Listing has its languages.
func locale(tag string) string { return strings.ToLower(strings.ReplaceAll(tag, "_", "-")) }

// wantedOf reads an Accept-Language header, as far as it can be read.
func wantedOf(header string) []string {
	const most = 200 // bytes; browsers send a tenth
	tags, _, err := xlanguage.ParseAcceptLanguage(header[:min(len(header), most)])
	if err != nil {
		return nil
	}
	var wanted []string
	for _, tag := range tags {
		l := locale(tag.String())
		if l != "mul" && l != "und" && !slices.Contains(wanted, l) && len(wanted) < maxWanted {
			wanted = append(wanted, l)
		}
	}
	return wanted
}

// textFor is the text of a listing for a reader, and the locale that it is in: the first
// that they want, in its own variety, in the language itself or in another variety of it;
// English; what the publisher has set for everybody, whose locale is "".
func (who reader) textFor(l *store.Listing) (store.Text, string) {
	for _, want := range who.wanted {
		for tag := want; tag != ""; tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)] {
			if text, ok := l.Texts[tag]; ok {
				return text, tag
			}
		}
		base, _, _ := strings.Cut(want, "-")
		found := ""
		for tag := range l.Texts {
			if strings.HasPrefix(tag, base+"-") && (found == "" || tag < found) {
				found = tag
			}
		}
		if found != "" {
			return l.Texts[found], found
		}
	}
	if text, ok := l.Texts["en"]; ok {
		return text, "en"
	}
	return l.Texts[""], ""
}
