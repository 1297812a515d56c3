package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store"
)

func TestLocales(t *testing.T) {
	for header, want := range map[string]string{
		"":                                   "",
		"fr_CA":                              "fr-ca",
		"fr-CA":                              "fr-ca",
		"de_DE.UTF-8@euro":                   "de-de",
		"fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5": "fr-ch fr en",
		"en;q=0.1,de;q=0.9":                  "de en",
		"en;q=0,de":                          "de",
		"en ; q=0.5 , de;Q=0.4":              "en de",
		"en;q=x,fr;q=NaN,it;q=-1,es;q=2,de":  "de",
		"../../etc,<script>,zh-Hant-TW,\x00": "zh-hant-tw",
		"C":                                  "c",
		",,,;;;":                             "",
		strings.Repeat("x", 100):             "",
		strings.Repeat("en,", 1000):          strings.TrimSpace(strings.Repeat("en ", 16)),
		"é,日本,de":                            "de",
		strings.Repeat("é", 2000):            "",
	} {
		if got := strings.Join(store.Locales(header), " "); got != want {
			t.Errorf("%.60q is %q, want %q", header, got, want)
		}
	}
}

func TestText(t *testing.T) {
	l := &store.Listing{Texts: map[string]store.Text{"": {Name: "default"}, "en": {Name: "en"}, "fr": {Name: "fr"}, "fr-ca": {Name: "fr-ca"}, "de-at": {Name: "de-at"}}}
	bare := &store.Listing{Texts: map[string]store.Text{"": {Name: "default"}}}
	for _, row := range []struct {
		wishes []string
		want   string
	}{
		{nil, "en"}, {[]string{"fr_CA"}, "fr-ca"}, {[]string{"fr-CH"}, "fr"}, {[]string{"de"}, "en"}, {[]string{"de-at-1996"}, "de-at"},
		{[]string{"it", "fr-ch", "en"}, "fr"}, {[]string{"ja_JP.UTF-8"}, "en"}, {[]string{""}, "en"}, {[]string{"-", "--x"}, "en"},
	} {
		text, locale := l.Text(row.wishes...)
		if text.Name != row.want || locale != row.want {
			t.Errorf("%q gets %q (%s), want %q", row.wishes, text.Name, locale, row.want)
		}
		if text, locale := bare.Text(row.wishes...); text.Name != "default" || locale != "" {
			t.Errorf("%q gets %q (%s) of one that has no other", row.wishes, text.Name, locale)
		}
	}
}

// FuzzLocales: whatever a client sends, there are few locales in the form of texts.
func FuzzLocales(f *testing.F) {
	for _, seed := range []string{"fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5", "de_DE.UTF-8@euro", "en;q=\xff", ";;q=,", "a;q=1e-400"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		locales := store.Locales(header)
		if len(locales) > 16 {
			t.Fatalf("%d locales", len(locales))
		}
		for _, locale := range locales {
			if again := store.Locales(locale); !slices.Equal(again, []string{locale}) {
				t.Errorf("%q is read as %q", locale, again)
			}
		}
	})
}

func TestShards(t *testing.T) {
	for listings, want := range map[int]int{0: 1, 1: 1, 2: 2, 4: 2, 5: 4, 16: 4, 17: 8, 100_000: 512, 1 << 40: store.MaxShards} {
		if got := store.ShardCount(listings); got != want {
			t.Errorf("%d listings are in %d shards, want %d", listings, got, want)
		}
	}
	seen := map[int]int{}
	for i := range 10_000 {
		id := "org.acme.Listing" + itoa(i)
		index := store.ShardOf(id, 64)
		if index != store.ShardOf(strings.ToUpper(id), 64) || store.ShardOf(id, 1) != 0 || store.ShardOf(id, 128)>>1 != index {
			t.Fatalf("%s is in shard %d", id, index)
		}
		seen[index]++
	}
	if len(seen) != 64 || seen[0] < 100 || seen[63] < 100 {
		t.Errorf("10 000 listings lie %v", seen)
	}
	// SHA-256 of "orgacmehello" begins with these bits, as the format says.
	if got := store.ShardOf("org.acme.Hello", 1<<14); got != 0xd1d {
		t.Errorf("org.acme.Hello is in shard %#x", got)
	}
}

func TestDigest(t *testing.T) {
	const empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if store.Digest(nil) != empty {
		t.Error(store.Digest(nil))
	}
	if sum, ok := store.ParseDigest(empty); !ok || sum[0] != 0xe3 || sum[31] != 0x55 {
		t.Errorf("%x", sum)
	}
	for _, bad := range []string{"", "sha256:", empty[7:], empty + "0", empty[:70], strings.ToUpper(empty), "sha1:" + empty[7:], empty[:70] + "g", "SHA256:" + empty[7:]} {
		if _, ok := store.ParseDigest(bad); ok {
			t.Errorf("%q is a digest", bad)
		}
	}
	a, err := store.Canonical(store.Shard{Listings: map[string]store.Object{"b<": {}, "a": {}}})
	if want := `{"listings":{"a":{"digest":"","size":0},"b<":{"digest":"","size":0}}}` + "\n"; err != nil || string(a) != want {
		t.Errorf("%s, %v", a, err)
	}
}
