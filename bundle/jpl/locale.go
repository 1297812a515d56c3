package jpl

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Text is what people read of an archive, in one language.
type Text struct {
	Name        string
	Description string // Markdown
}

var (
	placeholder = regexp.MustCompile(`\{\{([^}]+)\}\}`)
	localeForm  = regexp.MustCompile(`^[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8})*$`)
)

// FoldLocale is the form in which locales are compared: "fr_CA" and "fr-CA" are "fr-ca".
func FoldLocale(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "-")) }

// LocaleChain lists the locales in which to look for texts for somebody who asks for
// locale, the best first: itself, its language, then English, all folded.
func LocaleChain(locale string) []string {
	var chain []string
	whole := FoldLocale(locale)
	language, _, _ := strings.Cut(whole, "-")
	for _, name := range []string{whole, language, "en"} {
		if name != "" && !slices.Contains(chain, name) {
			chain = append(chain, name)
		}
	}
	return chain
}

// readLocales reads data/locale/<id>_<locale>.json and makes the texts of each.
func (c *contents) readLocales() error {
	c.locales = map[string]map[string]string{}
	for _, e := range c.file.Entries() {
		name, ok := strings.CutPrefix(e.Name, localeFolder)
		if !ok || e.Dir {
			continue
		}
		locale, isLocale := strings.CutPrefix(name, c.manifest.id+"_")
		locale, isJSON := strings.CutSuffix(locale, ".json")
		if !isLocale || !isJSON || !localeForm.MatchString(locale) {
			c.warn("%q is not read: translations are in %s%s_<locale>.json", e.Name, localeFolder, c.manifest.id)
			continue
		}
		data, _, err := c.text(CodeLocaleInvalid, e.Name)
		if err != nil {
			return err
		}
		words, fault := parseLocale(data)
		if fault != "" {
			return refuse(CodeLocaleInvalid, e.Name, "%s", fault)
		}
		if _, twice := c.locales[FoldLocale(locale)]; twice {
			return refuse(CodeLocaleInvalid, e.Name, "there are two files for %s", FoldLocale(locale))
		}
		c.locales[FoldLocale(locale)] = words
	}
	return c.translate()
}

// parseLocale reads a flat map of strings. fault says why it is none.
func parseLocale(data []byte) (words map[string]string, fault string) {
	members, err := parseObject(data)
	if err != nil {
		return nil, err.Error()
	}
	words = make(map[string]string, len(members))
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if words[key], fault = plainString(members[key], maxText, true); fault != "" {
			return nil, "the text of " + quoted(key) + " " + fault
		}
	}
	return words, ""
}

// translate makes the texts of every locale, and those of whoever has no better one: of
// English, else of the first locale there is.
func (c *contents) translate() error {
	c.texts = map[string]Text{}
	names := slices.Sorted(maps.Keys(c.locales))
	fallback := "en"
	if _, ok := c.locales["en"]; !ok && len(names) > 0 {
		fallback = names[0]
	}
	for _, locale := range append([]string{""}, names...) {
		chain := LocaleChain(locale)
		if locale == "" {
			chain = []string{fallback}
		}
		var t Text
		var fault string
		if t.Name, fault = c.fill(c.manifest.name, chain, maxName, false); fault == "" {
			t.Description, fault = c.fill(c.manifest.description, chain, maxText, true)
		}
		if fault != "" {
			return refuse(CodeLocaleInvalid, localeFolder, "a text of %s for %q %s", manifestName, locale, fault)
		}
		if strings.TrimSpace(t.Name) == "" {
			t.Name = c.manifest.id
		}
		c.texts[locale] = t
	}
	for _, key := range c.placeholders() {
		if c.having(key) == 0 {
			c.warn("no translation has the text of {{%s}}: it is left out", key)
		}
	}
	return nil
}

// fill replaces each placeholder of text by what the first locale of chain has for it, by
// nothing when none has. What it puts in is not looked at again.
func (c *contents) fill(text string, chain []string, limit int, lines bool) (filled, fault string) {
	var b strings.Builder
	rest := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(text[rest:at[0]])
		rest = at[1]
		for _, locale := range chain {
			if word, ok := c.locales[locale][text[at[2]:at[3]]]; ok {
				b.WriteString(word)
				break
			}
		}
		if b.Len() > limit {
			return "", "is too long when it is translated"
		}
	}
	b.WriteString(text[rest:])
	return b.String(), textFault(b.String(), limit, lines)
}

// placeholders lists the keys that manifest and preferences ask for, each once.
func (c *contents) placeholders() []string {
	var keys []string
	for _, name := range []string{manifestName, preferencesName, accountPrefsName} {
		for _, m := range placeholder.FindAllSubmatch(c.held[name], -1) {
			keys = append(keys, string(m[1]))
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// having counts the locales that have a text for key.
func (c *contents) having(key string) (n int) {
	for _, words := range c.locales {
		if _, ok := words[key]; ok {
			n++
		}
	}
	return n
}

// quoted is text fit to stand in a sentence.
func quoted(text string) string {
	if len(text) > 64 {
		text = text[:64] + "…"
	}
	q, _ := json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
	return string(q)
}
