// Package terms decides what a word is, for searches that find the same on every database:
// the words that a listing is found by (Of), and those that a person asks for (Ask). A
// database is given words, not text, and compares them byte by byte.
//
// A word is letters and digits without case and accents. Scripts that are written without
// spaces become overlapping pairs of letters. Words with a "=" in them are ours, since no
// text has such:
//
//	==helloworld   all of a name, or of the id, run together
//	n=hello        a word of a name
//	f=0123abcd…    a filter: hash of its kind and value
//	=              Gap
//
// Promised: words are at most 64 letters long and have nothing in them that a query language
// knows; whatever a publisher writes or a person types gives bounded many of them, and no
// error.
package terms

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/jackfield-host/jackfield/store"
)

const (
	wholePrefix  = "=="
	namePrefix   = "n="
	filterPrefix = "f="
)

// Gap stands between two texts, so that no phrase reaches from one into the other.
const Gap = "="

const (
	maxWord     = 64    // runes; what is longer is cut
	maxText     = 2000  // words of one text that are found
	maxWords    = 14000 // words of one listing that are found
	maxQuery    = 1000  // bytes of a query that are read
	maxInQuery  = 16    // phrases of a query that count
	maxInPhrase = 16    // words of a phrase that count
)

// Phrase is words that stand side by side.
type Phrase struct {
	Words  []string
	Prefix bool // the last one is the beginning of a word
}

// Expression is what must all be there. One without anything finds everything.
type Expression struct {
	Filters []string // words of Filter
	Phrases []Phrase
}

// run is a stretch of letters and digits, folded.
type run struct {
	text   string
	spaced bool // of a script that is written with spaces: text is one word
}

// runs splits a text. With parts, what is written InnerCapitals gives its parts, too,
// behind everything else.
func runs(text string, parts bool) (list []run) {
	folder := cases.Fold()
	var more []string
	text = strings.ToValidUTF8(text, " ")
	for _, field := range strings.FieldsFunc(norm.NFKC.String(text), func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M)
	}) {
		if parts {
			more = append(more, innerCapitals(field)...)
		}
		list = append(list, byScript(bare(folder.String(field)))...)
	}
	for _, part := range more {
		list = append(list, byScript(bare(folder.String(part)))...)
	}
	return list
}

// bare leaves accents out. Letters that are made of several, as in Hangul, are kept whole.
func bare(text string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text)))
}

// byScript splits where a script with spaces meets one without. What decomposition made of
// a letter may be neither letter nor digit; that is left out.
func byScript(text string) (list []run) {
	var current []rune
	var spaced bool
	flush := func() {
		if len(current) > 0 {
			list = append(list, run{string(current), spaced})
		}
		current = nil
	}
	for _, r := range text {
		if !unicode.In(r, unicode.L, unicode.N) {
			continue
		}
		with := !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
		if with != spaced {
			flush()
			spaced = with
		}
		current = append(current, r)
	}
	flush()
	return list
}

// innerCapitals splits SumRequest into Sum and Request; nil if there is nothing to split.
func innerCapitals(field string) (parts []string) {
	start := 0
	var before rune
	for i, r := range field {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			parts = append(parts, field[start:i])
			start = i
		}
		before = r
	}
	if parts == nil {
		return nil
	}
	return append(parts, field[start:])
}

// indexed are the words that a run is found by.
func (r run) indexed() []string {
	if r.spaced {
		return []string{clip(r.text)}
	}
	letters := []rune(r.text)
	list := pairs(letters)
	return append(list, string(letters[len(letters)-1:]))
}

// asked are the words that find a run, the last of them as the beginning of one.
func (r run) asked() []string {
	letters := []rune(r.text)
	if r.spaced || len(letters) == 1 {
		return []string{clip(r.text)}
	}
	return pairs(letters)
}

func pairs(letters []rune) (list []string) {
	for i := 0; i+1 < len(letters); i++ {
		list = append(list, string(letters[i:i+2]))
	}
	return list
}

func clip(word string) string {
	if letters := []rune(word); len(letters) > maxWord {
		return string(letters[:maxWord])
	}
	return word
}

// whole runs everything together.
func whole(list []run) string {
	var b strings.Builder
	for _, r := range list {
		b.WriteString(r.text)
	}
	return clip(b.String())
}

// Of returns the words that a listing is found by; owner is the name of its organization.
func Of(l *store.Listing, owner string) []string {
	var w list
	for _, locale := range slices.Sorted(maps.Keys(l.Texts)) {
		text := l.Texts[locale]
		name := runs(text.Name, true)
		w.add(namePrefix, name)
		w.add("", name)
		w = append(w, wholePrefix+whole(runs(text.Name, false)), Gap)
		w.add("", runs(text.Description, false))
	}
	w = append(w, wholePrefix+whole(runs(l.ID, false)))
	w.add("", runs(l.ID, true))
	w.add("", runs(l.Publisher.Organization, false))
	filters := map[string]bool{Filter("format", string(l.Format)): true, Filter("publisher", owner): true}
	for _, label := range l.Labels {
		filters[Filter("label", label)] = true
	}
	types := map[string]bool{}
	for _, r := range l.Releases {
		if r.State != store.Published && r.State != store.Deprecated {
			continue
		}
		for _, t := range r.Types {
			types[t.Name] = true
		}
		for _, f := range r.Files {
			for _, p := range f.Platforms {
				filters[Filter("platform", p)] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		w.add("", runs(name, true))
	}
	if len(w) > maxWords {
		w = w[:maxWords]
	}
	return append(w, slices.Sorted(maps.Keys(filters))...)
}

// Name returns the name of a listing as it is compared with others.
func Name(l *store.Listing) string {
	var parts []string
	for _, r := range runs(l.Texts[""].Name, false) {
		parts = append(parts, r.text)
	}
	return strings.Join(parts, " ")
}

type list []string

// add adds a text and a gap.
func (w *list) add(prefix string, runs []run) {
	n := 0
	for _, r := range runs {
		for _, word := range r.indexed() {
			if n++; n <= maxText {
				*w = append(*w, prefix+word)
			}
		}
	}
	*w = append(*w, Gap)
}

// Filter returns the word for a value that a listing has. Values are whatever people chose, so
// the word is a hash.
func Filter(kind, value string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + value))
	return filterPrefix + hex.EncodeToString(sum[:16])
}

// Ask reads what a person typed, and returns what to look for, best first: the name itself,
// names that begin so, the words in a name, anywhere; each finds what those before it find,
// too. Text without any word asks for the filters alone.
func Ask(text string, filters ...string) []Expression {
	phrases, joined := parse(text)
	if len(phrases) == 0 {
		return []Expression{{filters, nil}}
	}
	return []Expression{
		{filters, []Phrase{{[]string{wholePrefix + joined}, false}}},
		{filters, []Phrase{{[]string{wholePrefix + joined}, true}}},
		{filters, in(namePrefix, phrases)},
		{filters, phrases},
	}
}

// parse reads what a person typed. joined is all of it run together, "" if there is no word
// in it.
func parse(text string) (phrases []Phrase, joined string) {
	if len(text) > maxQuery {
		text = text[:maxQuery]
	}
	quoted := false
	for part := range strings.SplitSeq(text, `"`) {
		list := runs(part, false)
		if quoted && len(list) > 0 {
			var p Phrase
			for _, r := range list[:len(list)-1] {
				p.Words = append(p.Words, r.indexed()...)
			}
			p.Words = append(p.Words, list[len(list)-1].asked()...)
			phrases = append(phrases, p)
		} else {
			for _, r := range list {
				phrases = append(phrases, Phrase{r.asked(), !r.spaced})
			}
		}
		joined += whole(list)
		quoted = !quoted
	}
	// A word at the very end may be unfinished.
	if n := len(phrases); n > 0 && !strings.HasSuffix(strings.TrimSpace(text), `"`) {
		phrases[n-1].Prefix = true
	}
	if len(phrases) > maxInQuery {
		phrases = phrases[:maxInQuery]
	}
	for i, p := range phrases {
		if len(p.Words) > maxInPhrase {
			phrases[i] = Phrase{p.Words[:maxInPhrase], true}
		}
	}
	return phrases, clip(joined)
}

// in are the phrases as words of a name.
func in(prefix string, phrases []Phrase) []Phrase {
	list := make([]Phrase, len(phrases))
	for i, p := range phrases {
		list[i].Prefix = p.Prefix
		for _, word := range p.Words {
			list[i].Words = append(list[i].Words, prefix+word)
		}
	}
	return list
}
