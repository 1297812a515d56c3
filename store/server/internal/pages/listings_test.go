package pages

import (
	"fmt"
	"image"
	"strings"

	"github.com/jackfield-host/jackfield/store"
)

// organizations that publish what follows.
func acme() store.Publisher {
	return store.Publisher{Organization: "Acme Weather Works", Host: "acme.example", Pin: "sha256:" + strings.Repeat("ab", 32) + "@acme.example"}
}
func harbour() store.Publisher {
	return store.Publisher{Organization: "Hafen & Söhne GmbH", Host: "hafen.example", Pin: "sha256:" + strings.Repeat("cd", 32) + "@hafen.example"}
}
func savoir() store.Publisher {
	return store.Publisher{Organization: "Savoir Libre", Pin: "sha256:" + strings.Repeat("ef", 32)}
}

const readme = `# Weather for your server

Answers **forecast** requests from stations of your choice.

## How to use it

1. Install it.
2. Name your stations:

   ` + "```json\n   {\"stations\": [\"Montréal\", \"Reykjavík\"]}\n   ```" + `

| station | interval | source |
|:--|--:|:--|
| Montréal | 5 min | https://weather.example/ca |
| Reykjavík | 10 min | [is](https://weather.example/is) |

> Forecasts are guesses.

[![build](https://ci.example/badge.svg)](https://ci.example/) ![chart](https://acme.example/chart.png)

See [the licence](LICENSE.md), [how to use it](#how-to-use-it) or write to <help@acme.example>.
`

// release is one as ingest makes it.
func release(version string, days int, change ...func(*store.Release)) store.Release {
	r := store.Release{
		Version: version, Channel: store.Stable, State: store.Published, Published: at(days),
		Files:     []store.File{{Name: "file-" + version + ".jar", Platforms: []string{"linux-amd64", "linux-arm64", "server"}, Digest: digestOf(days, image.Pt(2, len(version))), Size: int64(900_000 + 37_000*days)}},
		Changelog: "- Answers are **faster**\n- Fixes what happened at midnight",
		Signer:    store.Signer{Name: "CN=Acme release key,O=Acme Weather Works", Key: "sha256:" + strings.Repeat("12", 32), SignedAt: at(days)},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// vivid are listings as a store has them.
func vivid() []*store.Listing {
	small, large := image.Pt(128, 128), image.Pt(960, 600)
	text := func(name, description string) map[string]store.Text {
		return map[string]store.Text{"": {Name: name, Description: description}}
	}
	weather := &store.Listing{
		ID: "org.acme.Weather", Format: store.FormatBundle, Publisher: acme(), License: "Apache-2.0", Labels: []string{"data", "featured", "weather"},
		Texts: map[string]store.Text{
			"":   {Name: "Weather", Description: "Forecasts and current conditions of *any* station, as typed requests. Cached, so that a thousand callers cost one."},
			"fr": {Name: "Météo", Description: "Prévisions et conditions actuelles de *toute* station, en requêtes typées. Gardées en mémoire\u00a0: mille appels n’en coûtent qu’un."},
			"he": {Name: "מזג אוויר", Description: "תחזיות ותנאים נוכחיים של כל תחנה, כבקשות עם טיפוסים."},
		},
		Pictures: store.Pictures{Icon: picture(1, small), Screenshots: []store.Picture{*picture(1, large), *picture(2, large), *picture(3, large)}},
		Links:    store.Links{Homepage: "https://acme.example/weather", Source: "https://git.acme.example/weather", Support: "https://acme.example/help", Security: "mailto:security@acme.example"},
		Readme:   readme, Created: at(400), Updated: at(1),
	}
	for i := range 14 {
		weather.Releases = append(weather.Releases, release(fmt.Sprintf("2.%d.0", 14-i), 1+20*i, func(r *store.Release) {
			r.MinHost = "1.0"
			r.Requires = []string{"org.acme.Cache >=1.2 <3", "org.acme.Missing >=1; optional"}
			r.Permissions = []string{"events", "kv", "net:api.weather.example:443", "sql:archive", "call:org.acme.cache.Get"}
			r.Types = []store.Type{{Name: "org.acme.weather.ForecastRequest", Role: "request"}, {Name: "org.acme.weather.StationsRequest", Role: "request"}, {Name: "org.acme.weather.Forecast", Role: "response"}}
			switch i {
			case 1:
				r.State, r.Note = store.Withdrawn, "It forgot its stations at midnight; take 2.14.0."
			case 2:
				r.State, r.Note = store.Deprecated, "2.14.0 is faster."
			case 3:
				r.Revoked = "JFR-1"
			case 4:
				r.Channel = store.Beta
			case 5:
				r.State, r.Note = store.TakenDown, "It sent stations to a third party."
			}
		}))
	}
	return []*store.Listing{
		weather,
		{ID: "org.acme.Cache", Format: store.FormatBundle, Publisher: acme(), License: "MIT", Labels: []string{"data"}, Texts: text("Cache", "Keeps what others have worked out, for as long as they say."), Pictures: store.Pictures{Icon: picture(2, small)}, Releases: []store.Release{release("1.4.2", 8)}, Created: at(90), Updated: at(8)},
		{ID: "example.hafen.Tides", Format: store.FormatBundle, Publisher: harbour(), License: "EUPL-1.2", Labels: []string{"ports", "weather"}, Texts: text("Tides & Berths", "Which ship fits which berth when: tide tables, draughts and cranes of 140 ports. Answers within a millisecond."), Pictures: store.Pictures{Icon: picture(3, small)}, Releases: []store.Release{release("0.9.0-rc.1", 3, func(r *store.Release) { r.Channel = store.Beta; r.Permissions = []string{"kv"} })}, Created: at(30), Updated: at(3)},
		{ID: "example.hafen.Manifest", Format: store.FormatBundle, Publisher: harbour(), Labels: []string{"ports"}, Texts: text("Cargo manifests", "Reads and writes cargo manifests."), Releases: []store.Release{release("3.0.0", 60, func(r *store.Release) { r.State = store.Deprecated; r.Note = "Use Tides & Berths." })}, Created: at(300), Updated: at(60)},
		{ID: "org.acme.Tracker", Format: store.FormatBundle, Publisher: acme(), License: "GPL-3.0-or-later", Labels: []string{"location"}, Texts: text("Tracker", "Positions of vehicles, durable, with geofences."), Pictures: store.Pictures{Icon: picture(4, small)}, Releases: []store.Release{release("5.2.1", 12), release("5.2.0", 80)}, Created: at(500), Updated: at(12)},
		{ID: "GreenScreen", Format: store.FormatJami, Publisher: savoir(), License: "GPL-3.0-or-later", Labels: []string{"video"}, Texts: map[string]store.Text{"": {Name: "GreenScreen", Description: "Replaces the background in video calls."}, "fr": {Name: "Écran vert", Description: "Remplace l’arrière-plan dans les appels vidéo."}}, Pictures: store.Pictures{Icon: picture(5, small), Background: picture(5, large)}, Releases: []store.Release{release("2.0.1", 5, func(r *store.Release) {
			r.Files = []store.File{
				{Name: "GreenScreen-linux-amd64.jpl", Platforms: []string{"linux-amd64"}, Digest: digestOf(1, image.Pt(3, 3)), Size: 42 << 20},
				{Name: "GreenScreen-windows-amd64.jpl", Platforms: []string{"windows-amd64"}, Digest: digestOf(2, image.Pt(3, 3)), Size: 40 << 20},
				{Name: "GreenScreen-android-arm64.jpl", Platforms: []string{"android-arm64"}, Digest: digestOf(3, image.Pt(3, 3)), Size: 38 << 20},
			}
		})}, Created: at(700), Updated: at(5)},
		{ID: "hibiscus.reports", Format: store.FormatJameica, Publisher: savoir(), License: "GPL-2.0", Labels: []string{"finance"}, Texts: text("Account reports", "Reports on accounts, as PDF."), Releases: []store.Release{release("2.10.0", 40, func(r *store.Release) {
			r.Files = []store.File{{Name: "hibiscus.reports-2.10.0.zip", Platforms: []string{"java"}, Digest: digestOf(9, image.Pt(3, 3)), Size: 3 << 20}}
			r.Requires, r.MinHost = []string{"hibiscus 2.10.0+", "jameica.ca; optional"}, "2.10.0+"
		})}, Created: at(800), Updated: at(40)},
		{ID: "org.acme.Unsigned", Format: store.FormatBundle, Publisher: store.Publisher{}, Texts: text("Sketch", "Somebody’s first try."), Releases: []store.Release{release("0.1.0", 2, func(r *store.Release) { r.Signer = store.Signer{} })}, Created: at(2), Updated: at(2)},
		{ID: "org.acme.Gone", Format: store.FormatBundle, Publisher: acme(), Texts: text("Gone", "It was here."), Releases: []store.Release{release("1.0.0", 200, func(r *store.Release) { r.State = store.TakenDown; r.Note = "It mined coins." })}, Created: at(300), Updated: at(100)},
		hostileListing("org.spite.One"),
	}
}

// spite is a text that does harm wherever it is believed.
const spite = "\u202e<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{.}}\u0000\u2028" + "javascript:alert(3)"

// hostileListing has it in every field, and more of everything than a page can hold.
func hostileListing(id string) *store.Listing {
	word := strings.Repeat("W", 5000)
	l := &store.Listing{
		ID: id, Format: store.FormatBundle, License: spite + word, Labels: []string{spite, word},
		Texts: map[string]store.Text{
			"":      {Name: "Free\u202egnp.exe " + spite + word, Description: spite + "\n\n" + word + "\n\n![x](https://evil.example/pixel.png)\n\n# " + word + "\n\n[x](javascript:alert(4))"},
			spite:   {Name: spite},
			"xx-\"": {Name: word},
		},
		Publisher: store.Publisher{Organization: spite + word, Host: "spite.example\"><script>", Pin: spite},
		Links:     store.Links{Homepage: "javascript:alert(5)", Source: "https://user:password@evil.example/", Support: "//evil.example", ReleaseNotes: "https://notes.example/\"><script>", Security: "mailto:a@b.example?bcc=c\"><script>"},
		Readme:    strings.Repeat("> ", 5000) + spite + "\n\n<iframe src=https://evil.example></iframe>\n\n" + strings.Repeat("|a", 500) + "\n" + strings.Repeat("|-", 500) + "\n" + strings.Repeat("x\n", 2000) + "\n<style>*{display:none}</style>",
		Pictures:  store.Pictures{Icon: &store.Picture{Digest: spite, Media: "text/html", Width: -1, Height: 1 << 30}, Screenshots: []store.Picture{{Digest: "sha256:../../etc/passwd", Media: "image/svg+xml"}}},
		Created:   at(1), Updated: at(0),
	}
	for i := range 3000 {
		r := release(fmt.Sprintf("%d.0.0%s", 3000-i, map[bool]string{true: spite, false: ""}[i%500 == 1]), 1+i)
		r.Note, r.MinHost, r.Changelog = spite+word, spite, spite+word
		r.Signer = store.Signer{Name: spite + word, Key: spite}
		if i < 3 {
			for j := range 1000 {
				r.Permissions = append(r.Permissions, fmt.Sprintf("net:%s%d", spite, j), "kv:"+word)
				r.Requires = append(r.Requires, spite+word)
				r.Types = append(r.Types, store.Type{Name: spite + word, Role: spite})
				r.Files[0].Platforms = append(r.Files[0].Platforms, spite)
			}
			for range 500 {
				r.Files = append(r.Files, store.File{Name: spite + word, Platforms: []string{word}, Digest: spite, Size: -1})
			}
		}
		l.Releases = append(l.Releases, r)
	}
	return l
}

// stocked is a shelf of all of these, with warnings about some.
func stocked() *shelf {
	s := newShelf(vivid()...)
	s.advisories = []store.Advisory{
		{ID: "JFA-2026-0001", Listing: "org.acme.Weather", Affected: "<2.13.0", Fixed: "2.13.0", Severity: store.High, Title: "Stations of others can be read", Text: "Whoever knows the *name* of a station could read it.", URL: "https://acme.example/advisories/1", Created: at(9), Updated: at(8)},
		{ID: "JFA-2026-0002", Listing: "org.acme.Tracker", Affected: ">=5.0", Severity: store.Medium, Title: "A geofence can be left unseen", Text: "A fix is on its way.", Created: at(2), Updated: at(1)},
		{ID: spite, Listing: "org.spite.One", Affected: spite, Fixed: spite, Severity: store.Severity(spite), Title: spite, Text: spite, URL: "javascript:alert(6)"},
	}
	s.revocations = []store.Revocation{
		{Listing: "org.acme.Weather", Version: "2.11.0", Reason: "Its signing key was stolen.", URL: "https://acme.example/key", Created: at(5)},
		{Listing: "org.acme.Gone", Reason: "It mined coins.", Created: at(99)},
		{Listing: "org.spite.One", Version: "2999.0.0", Reason: spite, URL: "javascript:alert(7)"},
	}
	return s
}
