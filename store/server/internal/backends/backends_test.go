package backends_test

import (
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
)

func TestFill(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		if err := backends.Fill(t.Context(), b.Database, 700, 3); err != nil {
			t.Fatal(err)
		}
		counts, err := b.Database.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if counts.Listings != 700 || counts.Releases != 2100 {
			t.Errorf("there are %d listings and %d releases, want 700 and 2100", counts.Listings, counts.Releases)
		}
		changes, err := b.Database.Changes(t.Context(), 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes.Documents) != 700 || changes.Sequence != 700 || changes.More {
			t.Errorf("Changes has %d documents up to sequence %d (more: %v), want 700, 700, false", len(changes.Documents), changes.Sequence, changes.More)
		}
		object, err := b.Blobs.Put(t.Context(), strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		data, err := blobs.Read(t.Context(), b.Blobs, object.Digest, 10)
		if err != nil || string(data) != "hello" {
			t.Errorf("the blob is %q (%v), want hello", data, err)
		}
	})
}
