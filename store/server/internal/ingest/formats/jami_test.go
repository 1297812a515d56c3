package formats

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

func jamiReader() *Jami {
	return &Jami{Options: jpl.Options{Roots: jpltest.Roots(), Time: jpltest.Now()}, Tool: "jackfield", Version: "1.0"}
}

func TestWhatAListingSaysOfAJamiArchive(t *testing.T) {
	for name, style := range map[string]jpltest.Style{"plain": jpltest.Plain, "with folders": jpltest.Folders} {
		t.Run(name, func(t *testing.T) {
			data := jpltest.Good(jpltest.In(style)).Build()
			c, err := jamiReader().Read(t.Context(), file(data))
			if err != nil {
				t.Fatal(err)
			}
			if c.ID != jpltest.ID || c.Texts[""].Name != "Greenery" || c.Texts["fr-ca"] != (store.Text{Name: "Verdure", Description: "Met des *plantes* derrière vous."}) {
				t.Errorf("%+v", c.Texts)
			}
			f := c.Release.Files[0]
			if c.Release.Version != jpltest.Version || f.Name != "Greenery-1.0.1.jpl" || !slices.Equal(f.Platforms, []string{"linux-amd64"}) || f.Digest != file(data).Digest {
				t.Errorf("%+v", c.Release)
			}
			if !strings.HasPrefix(c.Publisher.Pin, "sha256:") || c.Publisher.Organization != jpltest.Organization().Certificate.Subject.CommonName || c.Release.Signer.Key == c.Publisher.Pin {
				t.Errorf("%+v, %+v", c.Publisher, c.Release.Signer)
			}
			if c.Icon == nil || c.Icon.Media != "image/png" || c.Background != nil || !strings.Contains(c.Detail.Manifest, jpltest.ID) || len(c.Detail.Evidence) < 5 {
				t.Errorf("%+v, %+v", c.Icon, c.Detail)
			}
			if problems := c.Fits(nil); len(problems) > 0 {
				t.Errorf("a new id: %v", problems)
			}
			if problems := c.Fits([]string{"1.0.9"}); len(problems) != 1 || problems[0].Code != string(jpl.CodeOlderVersion) {
				t.Errorf("below a higher version: %v", problems)
			}
			if problems := c.Fits([]string{"1.0"}); len(problems) != 1 || problems[0].Code != string(jpl.CodeVersionOrder) {
				t.Errorf("beside a version with fewer parts: %v", problems)
			}
		})
	}
}

func TestAJamiIconAsSVGIsLeftOut(t *testing.T) {
	c, err := jamiReader().Read(t.Context(), file(jpltest.Good(jpltest.With("iconPath", "icon.svg"), jpltest.WithFile("data/icon.svg", []byte("<svg/>"))).Build()))
	if err != nil {
		t.Fatal(err)
	}
	if c.Icon != nil || !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "icon.svg is left out") }) {
		t.Errorf("%+v, %q", c.Icon, c.Warnings)
	}
}

func TestJamiArchivesThatAreRefused(t *testing.T) {
	for _, c := range jpltest.Hostile() {
		_, err := jamiReader().Read(t.Context(), file(c.Bytes))
		refusal, ok := errors.AsType[*ingest.Refused](err)
		if !ok || refusal.Problems[0].Code != string(c.Code) {
			t.Errorf("%s: %v, want %s", c.Name, err, c.Code)
		}
	}
	for name, c := range map[string]struct {
		edit jpltest.Edit
		code jpl.Code
	}{
		"no library":            {jpltest.Without("lib/x86_64-linux-gnu/lib" + jpltest.ID + ".so"), jpl.CodePlatformMissing},
		"a version of words":    {jpltest.With("version", "1.0-beta"), jpl.CodeVersionInvalid},
		"signed by a stranger":  {jpltest.By(jpltest.Stranger()), jpl.CodeChainUntrusted},
		"an icon made to harm":  {jpltest.WithFile("data/icon.png", claiming(t, 65535, 65535)), store.CodePictureInvalid},
		"a library in a folder": {jpltest.WithFile("lib/x86_64-linux-gnu/sub/libx.so", []byte("x")), jpl.CodeLibraryMisplaced},
	} {
		_, err := jamiReader().Read(t.Context(), file(jpltest.Good(c.edit).Build()))
		refusal, ok := errors.AsType[*ingest.Refused](err)
		if !ok || refusal.Problems[0].Code != string(c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestOneFormatTakesAFile(t *testing.T) {
	for name, c := range map[string]struct {
		names        []string
		bundle, jami bool
	}{
		"a bundle":                      {[]string{"META-INF/MANIFEST.MF", "META-INF/extension/types.json"}, true, false},
		"a bundle with Jami's manifest": {[]string{"META-INF/MANIFEST.MF", "manifest.json"}, true, false},
		"an archive":                    {[]string{"manifest.json", "signatures"}, false, true},
		"an archive that is not signed": {[]string{"manifest.json"}, false, true},
		"an archive that jar has made":  {[]string{"META-INF/MANIFEST.MF", "manifest.json", "signatures"}, false, true},
		"another archive":               {[]string{"plugin.xml"}, false, false},
	} {
		f := ingest.File{Names: c.names}
		if b, j := (&Bundle{}).Sniff(f), (&Jami{}).Sniff(f); b != c.bundle || j != c.jami {
			t.Errorf("%s: bundle %t, Jami %t", name, b, j)
		}
	}
	if got := (&Bundle{}).Sniff(file(bundletest.Good()[:100])); !got {
		t.Error("what is cut off is for nobody")
	}
}
