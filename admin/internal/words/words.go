// Package words is what the admin page says, in English and French.
//
// In gives the Words of a language, Negotiate chooses one for a reader. Say is a
// message by its key, Explain what the code of a reason means and what to do about it;
// package language has the rest. What is promised: every message is there in both
// languages, with the same places and forms (the tests see to that), and Words can be
// shared by goroutines. The texts are plain text: who makes HTML from them escapes.
//
// A new page adds a file with its messages, and a line in catalogs.
package words

import (
	"maps"

	"github.com/jackfield-host/jackfield/internal/guidance"
	"github.com/jackfield-host/jackfield/internal/language"
)

// Language is one that the page speaks, as it stands in the attribute lang.
type Language = language.Language

// The languages.
const (
	English = language.English
	French  = language.French
)

// Message is one text in both languages.
type Message = language.Message

// catalog is the messages of one part of the page, by key.
type catalog = language.Catalog

// catalogs are those of all parts. No key stands in two of them.
func catalogs() []catalog {
	return []catalog{
		frameWords(), signInWords(),
		stateWords(),
		overviewWords(),
		actionWords(),
		configureWords(),
		detailWords(),
		detailTrustWords(),
		detailTypeWords(),
		detailLogWords(),
		detailEventWords(),
		installWords(),
		storeWords(),
		auditWords(),
		accountWords(),
		aboutWords(),
		ownPagesWords(),
	}
}

// Words are those of one language.
type Words struct {
	*language.Words
	reasons map[string]guidance.Reason
}

// In returns the words of a language.
func In(l Language) *Words {
	reasons := guidance.Plans()
	maps.Copy(reasons, guidance.Repositories())
	maps.Copy(reasons, guidance.Reasons())
	return &Words{language.New(l, catalogs()...), reasons}
}
