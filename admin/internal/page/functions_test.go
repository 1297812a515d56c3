package page

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/words"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"a\u202eb\x1b", `a\u202eb\x1b`},
		{"Retirer <b>\u00a0?", "Retirer <b>\u00a0?"},
		{"\u202f\u202e\u00a0\xff", "\u202f\\u202e\u00a0\\xff"},
		{strings.Repeat("x", 5000), strings.Repeat("x", maxText-1) + "…"},
	} {
		if got := text(c.in); got != c.want {
			t.Errorf("%.40q: %.60q, want %.60q", c.in, got, c.want)
		}
	}
	if got := text("\u00a0" + strings.Repeat("\u202e", 5000)); len(got) > 10*maxText {
		t.Errorf("%d bytes are shown", len(got))
	}
}

// TestSay: what is put into a message is text from outside, unless it is HTML of ours.
func TestSay(t *testing.T) {
	w := words.In(words.French)
	for _, c := range []struct {
		got  template.HTML
		want string
	}{
		{say(w, "overview.file", "<x>\u202e"), `Fichier <bdi>&lt;x&gt;\u202e</bdi>`},
		{say(w, "overview.next-try", template.HTML("<time>x</time>")), "prochain essai <time>x</time>"},
		{say(w, "overview.count", 1234), "1\u202f234 extensions"},
		{say(w, "ask.disable", "{0}"), "Désactiver <bdi>{0}</bdi>\u00a0?"},
		{say(w, "<script>"), "&lt;script&gt;"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestTimesAndBadges(t *testing.T) {
	w := words.In(words.English)
	now := fixedNow()
	for _, c := range []struct {
		got  template.HTML
		want string
	}{
		{ago(w, now.Add(-3*time.Minute), now), "<time class=\"ago\" datetime=\"2026-11-26T11:57:00Z\" title=\"26 Nov 2026, 11:57:00 UTC\">3\u202fmin ago</time>"},
		{when(w, now), `<time class="at" datetime="2026-11-26T12:00:00Z">26 Nov 2026, 12:00:00 UTC</time>`},
		{ago(w, time.Time{}, now), "–"},
		{when(w, time.Time{}), "–"},
		{stateBadge(w, "failed"), `<span class="badge bad">failed</span>`},
		{stateBadge(w, "<odd>\u202e"), `<span class="badge off">&lt;odd&gt;\u202e</span>`},
		{trustBadge(w, "valid"), `<span class="badge ok">valid</span>`},
		{trustBadge(w, ""), "–"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if moment(nil) != (time.Time{}) || moment((*time.Time)(nil)) != (time.Time{}) || moment(&now) != now {
		t.Error("a time that may be missing is not read")
	}
}
