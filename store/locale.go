package store

// Locales returns what a client wishes for, most wanted first, from an Accept-Language
// header or from a single name such as fr_CA; in the form of Listing.Texts.
func Locales(header string) []string { return nil }

// Text returns the text of the first locale for which there is one; fr-ca falls back to
// fr. After all of them come en and the default text.
func (l *Listing) Text(locales ...string) Text { return l.Texts[""] }
