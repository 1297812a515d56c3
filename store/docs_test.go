package store_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store"
)

// TestDocs: the example of docs/store.md is one: each of its documents has the digest by which
// the one above names it. The page has every code, too.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/store.md")
	if err != nil {
		t.Fatal(err)
	}
	var documents [][]byte
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```\n").FindAllSubmatch(page, -1) {
		var compact bytes.Buffer
		if err := json.Compact(&compact, block[1]); err != nil {
			t.Fatal(err)
		}
		documents = append(documents, append(compact.Bytes(), '\n'))
	}
	if len(documents) < 3 {
		t.Fatalf("%d documents", len(documents))
	}
	var stamp store.Timestamp
	if err := json.Unmarshal(documents[0], &stamp); err != nil {
		t.Fatal(err)
	}
	snapshot, err := store.DecodeSnapshot(documents[1])
	if err != nil || store.ObjectOf(documents[1]) != stamp.Snapshot || snapshot.Sequence != stamp.Sequence {
		t.Errorf("the snapshot is %+v, %v", store.ObjectOf(documents[1]), err)
	}
	shard, err := store.DecodeShard(documents[2], 0, 1)
	if err != nil || store.ObjectOf(documents[2]) != snapshot.Shards[0] || len(shard.Listings) != snapshot.Listings {
		t.Errorf("the shard is %+v, %v", store.ObjectOf(documents[2]), err)
	}
	for _, code := range store.Codes() {
		if !strings.Contains(string(page), "`"+string(code)+"`") {
			t.Errorf("%s is not explained", code)
		}
	}
	if want := "DSSEv1 " + itoa(len(store.TimestampType)) + " " + store.TimestampType + " "; !strings.Contains(string(page), want) {
		t.Errorf("what is signed does not begin with %q", want)
	}
}
