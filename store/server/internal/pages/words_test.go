package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/words"
)

// TestEveryWordIsSaid holds that what templates and code ask for is there, and what is
// there is asked for.
func TestEveryWordIsSaid(t *testing.T) {
	said := words.In(language.English)
	var asked, beginnings []string
	read := func(source string) {
		for _, m := range regexp.MustCompile(`"([a-z0-9]+(?:[.-][a-z0-9_-]+)+\.?)"`).FindAllStringSubmatch(source, -1) {
			asked = append(asked, m[1])
		}
		for _, m := range regexp.MustCompile(`"([a-z]+\.(?:[a-z]+\.)?)"`).FindAllStringSubmatch(source, -1) {
			beginnings = append(beginnings, m[1])
		}
	}
	err := fs.WalkDir(templateFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(templateFiles, path)
		read(string(body))
		for _, m := range regexp.MustCompile(`say "([^"]+)"`).FindAllStringSubmatch(string(body), -1) {
			if !said.Has(m[1]) {
				t.Errorf("%s asks for %s, which there is not", path, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range code {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		read(string(body))
	}
	for _, key := range said.Keys() {
		ofLanguage := strings.HasPrefix(key, "time.") || key == "list.and"
		if !ofLanguage && !slices.Contains(asked, key) && !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(key, b) }) {
			t.Errorf("nobody says %s", key)
		}
	}
}

// TestClosedSets holds that there is a word for everything that is from a closed set.
func TestClosedSets(t *testing.T) {
	said := words.In(language.French)
	var keys []string
	for _, f := range formats() {
		keys = append(keys, "format."+string(f))
	}
	for _, s := range severities() {
		keys = append(keys, "severity."+string(s), "weakness."+known(s))
	}
	for _, s := range []store.SubmissionState{store.Submitted, store.Checking, store.NeedsChanges, store.InReview, store.Approved, store.Accepted} {
		keys = append(keys, "submission.state."+string(s))
	}
	for _, o := range orders() {
		keys = append(keys, "sort."+string(o))
	}
	for _, status := range []string{"400", "403", "404", "405", "500"} {
		keys = append(keys, "error."+status, "error.next."+status)
	}
	for _, s := range []store.ReleaseState{store.Deprecated, store.Withdrawn, store.TakenDown} {
		keys = append(keys, "state."+string(s), "notice."+string(s))
	}
	for _, name := range []string{"kv", "events", "net:a:1", "sql:a", "call:a", "kv:a", "net", "other"} {
		keys = append(keys, permissionOf(name).Key)
	}
	for _, key := range keys {
		if !said.Has(key) {
			t.Errorf("there is no word for %s", key)
		}
	}
}
