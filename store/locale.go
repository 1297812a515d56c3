package store

import (
	"slices"
	"strconv"
	"strings"
)

// The bounds of what a client may wish for: the rest is not read.
const (
	maxAcceptLanguage = 1 << 10
	maxLocales        = 16
)

// Locales returns what a client wishes for, most wanted first, from an Accept-Language
// header (RFC 9110, 12.5.4) or from a single name such as fr_CA; in the form of
// Listing.Texts: lower case with hyphens. What is malformed, * or of quality 0 counts for
// nothing.
func Locales(header string) []string {
	type wish struct {
		locale  string
		quality float64
	}
	var wishes []wish
	for part := range strings.SplitSeq(header[:min(len(header), maxAcceptLanguage)], ",") {
		name, parameters, _ := strings.Cut(part, ";")
		quality := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameters)), "q="); ok {
			var err error
			if quality, err = strconv.ParseFloat(q, 64); err != nil || !(quality >= 0 && quality <= 1) {
				continue
			}
		}
		name = localeForm(strings.TrimSpace(name))
		if isLocale(name) && quality > 0 && len(wishes) < maxLocales {
			wishes = append(wishes, wish{name, quality})
		}
	}
	slices.SortStableFunc(wishes, func(a, b wish) int {
		switch {
		case a.quality > b.quality:
			return -1
		case a.quality < b.quality:
			return 1
		}
		return 0
	})
	locales := make([]string, len(wishes))
	for i, w := range wishes {
		locales[i] = w.locale
	}
	return locales
}

// localeForm writes fr_CA and fr-CA as fr-ca, and leaves what an encoding or a variant adds
// in POSIX names: de_DE.UTF-8@euro.
func localeForm(name string) string {
	if end := strings.IndexAny(name, ".@"); end >= 0 {
		name = name[:end]
	}
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

func isLocale(name string) bool {
	return name != "" && len(name) <= 35 && name[0] >= 'a' && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// Text returns the text of the first locale for which there is one, and which it is; fr-ca
// falls back to fr before the next wish. After all of them come en and the default text.
func (l *Listing) Text(locales ...string) (text Text, locale string) {
	for _, wish := range locales {
		for name := localeForm(wish); name != ""; {
			if text, ok := l.Texts[name]; ok {
				return text, name
			}
			cut := strings.LastIndexByte(name, '-')
			name = name[:max(cut, 0)]
		}
	}
	if text, ok := l.Texts["en"]; ok {
		return text, "en"
	}
	return l.Texts[""], ""
}
