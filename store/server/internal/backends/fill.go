package backends

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Fill loads that many listings with that many releases each, vivid and the same at each
// call, in bulk but through the same columns as what is published. Listing(i, releases) is
// the i-th of them.
func Fill(ctx context.Context, db *database.Database, listings, releases int) error {
	for i := range organizations {
		o := database.Organization{Name: organization(i), Title: "Organization " + word(i), Pins: []string{fmt.Sprintf("pin-%d", i)}}
		if err := db.SaveOrganization(ctx, o, database.Entry{Actor: "store", Action: "organization.save", Target: o.Name}); err != nil {
			return err
		}
	}
	const batch = 500
	for first := 0; first < listings; first += batch {
		var changes []database.Change
		for i := first; i < min(first+batch, listings); i++ {
			l := Listing(i, releases)
			changes = append(changes, database.Change{Listing: l, Organization: l.Publisher.Host})
		}
		if _, err := db.Load(ctx, changes); err != nil {
			return err
		}
	}
	_, err := db.Maintain(ctx)
	return err
}

const organizations = 200

func organization(i int) string {
	return fmt.Sprintf("%s%d.example", word(i%organizations), i%organizations)
}

// Listing makes the i-th listing of Fill: its texts in three languages from a vocabulary in
// which, as in a language, few words are frequent and most are rare.
func Listing(i, releases int) *store.Listing {
	r := rand.New(rand.NewPCG(uint64(i), 8))
	host := organization(i)
	name := title(word(zipf(r))) + " " + title(word(zipf(r)))
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
	l := &store.Listing{
		ID:     fmt.Sprintf("example.%s.%s%d", word(i%organizations), strings.ReplaceAll(name, " ", ""), i),
		Format: store.FormatBundle,
		Texts: map[string]store.Text{
			"":   {Name: name, Description: text(r, 40)},
			"de": {Name: name, Description: text(r, 40)},
			"fr": {Name: name, Description: text(r, 40)},
		},
		Publisher: store.Publisher{Organization: "Organization " + word(i%organizations), Host: host, Pin: fmt.Sprintf("pin-%d", i%organizations)},
		License:   "Apache-2.0",
		Links:     store.Links{Homepage: "https://" + host + "/", Source: "https://" + host + "/source"},
		Labels:    []string{[]string{"certified", "community", "experimental"}[i%3]},
		Pictures:  store.Pictures{Icon: &store.Picture{Digest: digest("icon", i%1000), Size: 5000, Media: "image/png", Width: 128, Height: 128}},
		Readme:    text(r, 120),
		Created:   at, Updated: at.Add(time.Duration(releases) * time.Hour),
	}
	platforms := [][]string{{"linux-amd64", "linux-arm64", "server"}, {"linux-amd64", "server"}, {"linux-amd64", "linux-arm64", "linux-riscv64", "server"}}[i%3]
	for n := releases; n > 0; n-- {
		version := fmt.Sprintf("%d.%d.0", 1+n/5, n%5)
		l.Releases = append(l.Releases, store.Release{
			Version: version, Channel: store.Stable, State: store.Published, Published: at.Add(time.Duration(n) * time.Hour),
			Files:   []store.File{{Name: l.ID + "-" + version + ".jar", Platforms: platforms, Digest: digest("file", i*100003+n), Size: int64(1e6 + i)}},
			MinHost: "1.0", Permissions: []string{"kv", "net:" + host + ":443"},
			Types: []store.Type{
				{Name: "example." + word(i%organizations) + "." + title(word(i)) + "Request", Role: "request"},
				{Name: "example." + word(i%organizations) + "." + title(word(i)) + "Response", Role: "response"},
			},
			Changelog: text(r, 15),
			Signer:    store.Signer{Name: "CN=" + name, Key: digest("key", i), SignedAt: at},
		})
	}
	return l
}

func digest(kind string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, n))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// zipf picks a word's number: small ones often.
func zipf(r *rand.Rand) int { return int(rand.NewZipf(r, 1.1, 4, 20000).Uint64()) }

func text(r *rand.Rand, n int) string {
	var b strings.Builder
	z := rand.NewZipf(r, 1.1, 4, 20000)
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word(int(z.Uint64())))
	}
	return b.String()
}

// word makes the n-th word of syllables.
func word(n int) string {
	syllables := [...]string{"ka", "ro", "mi", "ten", "sol", "va", "lu", "der", "pin", "go", "sha", "ne", "bri", "to", "qua", "el"}
	var b strings.Builder
	for n += 16; n > 0; n /= 16 {
		b.WriteString(syllables[n%16])
	}
	return b.String()
}

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }
