package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most that a document of the index may have, in bytes. A store holds itself to them,
// too.
const (
	MaxSnapshot = 2 << 20
	MaxShard    = 4 << 20
	MaxListing  = 4 << 20
	MaxNotices  = 16 << 20 // all advisories, or all revocations
)

// maxDepth is how deep values may be inside each other.
const maxDepth = 16

// decode reads one JSON value strictly: within limit, valid UTF-8, nothing behind it, no key
// twice in one object, without regard to case, since encoding/json has none. Members that
// into does not have are left out, so that documents can grow.
func decode(what string, data []byte, limit int, into any) error {
	if len(data) > limit {
		return refuse(IndexTooLarge, "%s has %d bytes; %d are allowed", what, len(data), limit)
	}
	err := checkStrict(data)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return refuse(IndexMalformed, "%s is malformed: %w", what, err)
	}
	return nil
}

func checkStrict(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("it is not valid UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := checkValue(decoder, 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows its JSON value")
	}
	return nil
}

func checkValue(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("its values are more than %d deep inside each other", maxDepth)
	}
	keys := map[string]bool{}
	for decoder.More() {
		if open == '{' {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			text, _ := key.(string) // the decoder takes nothing else
			if folded := foldKey(text); keys[folded] {
				return fmt.Errorf("the key %.100q stands twice in one object", text)
			} else {
				keys[folded] = true
			}
		}
		if err := checkValue(decoder, depth+1); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

// foldKey gives all keys the same form that encoding/json takes for the same: of each rune the
// least that it folds to.
func foldKey(key string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, key)
}

// check refuses what names no bytes, or more than limit.
func (o Object) check(what string, limit int64) error {
	if _, ok := ParseDigest(o.Digest); !ok {
		return refuse(IndexMalformed, "%s has %.80q for a digest; it is sha256: and 64 hexadecimal digits", what, o.Digest)
	}
	if o.Size < 0 {
		return refuse(IndexMalformed, "%s has the size %d", what, o.Size)
	}
	if o.Size > limit {
		return refuse(IndexTooLarge, "%s has %d bytes; %d are allowed", what, o.Size, limit)
	}
	return nil
}

// DecodeSnapshot reads the document of a Snapshot strictly. The error is an *Error.
func DecodeSnapshot(data []byte) (*Snapshot, error) {
	s := &Snapshot{}
	if err := decode("the snapshot", data, MaxSnapshot, s); err != nil {
		return nil, err
	}
	if n := len(s.Shards); n == 0 || n > MaxShards || n&(n-1) != 0 {
		return nil, refuse(IndexMalformed, "the snapshot has %d shards; it is a power of two up to %d", n, MaxShards)
	}
	if s.Sequence < 0 || s.Listings < 0 {
		return nil, refuse(IndexMalformed, "the snapshot has a negative number")
	}
	for i, shard := range s.Shards {
		if err := shard.check(fmt.Sprintf("shard %d", i), MaxShard); err != nil {
			return nil, err
		}
	}
	if err := s.Advisories.check("the list of advisories", MaxNotices); err != nil {
		return nil, err
	}
	return s, s.Revocations.check("the list of revocations", MaxNotices)
}

// DecodeShard reads the document of shard number index of count. The error is an *Error.
func DecodeShard(data []byte, index, count int) (*Shard, error) {
	s := &Shard{}
	if err := decode("the shard", data, MaxShard, s); err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(s.Listings))
	for id, object := range s.Listings {
		folded := FoldID(id)
		if folded == "" || len(id) > maxID || seen[folded] {
			return nil, refuse(IndexMalformed, "shard %d has the id %.100q, which is none or is there twice", index, id)
		}
		seen[folded] = true
		if ShardOf(id, count) != index {
			return nil, refuse(IndexMixed, "shard %d names the listing %.100q, which belongs to another one", index, id)
		}
		if err := object.check(fmt.Sprintf("the listing %.100q", id), MaxListing); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// maxID bounds an id in bytes, that of a bundle and any other.
const maxID = 190

// DecodeListing reads the document of the listing with this id. The error is an *Error.
// States, formats and channels may be of a later version: what is not known is not used.
func DecodeListing(data []byte, id string) (*Listing, error) {
	l := &Listing{}
	if err := decode(fmt.Sprintf("the listing %.100q", id), data, MaxListing, l); err != nil {
		return nil, err
	}
	if l.ID != id {
		return nil, refuse(IndexMixed, "the document of the listing %.100q is that of %.100q", id, l.ID)
	}
	if _, ok := l.Texts[""]; !ok || len(l.Releases) == 0 {
		return nil, refuse(IndexMalformed, "the listing %.100q has no text or no release", id)
	}
	for _, release := range l.Releases {
		if release.Version == "" {
			return nil, refuse(IndexMalformed, "a release of %.100q has no version", id)
		}
		for _, file := range release.Files {
			what := fmt.Sprintf("a file of %.100q %.100q", id, release.Version)
			if err := (Object{file.Digest, file.Size}).check(what, 1<<50); err != nil {
				return nil, err
			}
			if !isFileName(file.Name) {
				return nil, refuse(IndexMalformed, "%s has the name %.100q, which no file may have", what, file.Name)
			}
		}
	}
	return l, nil
}

// isFileName reports whether a name is fit for any disk: letters, digits, . _ + -, not
// beginning with a dot or a dash.
func isFileName(name string) bool {
	const set = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-"
	return name != "" && len(name) <= 255 && name[0] != '.' && name[0] != '-' && strings.Trim(name, set) == ""
}

// DecodeAdvisories reads the document of all advisories. The error is an *Error.
func DecodeAdvisories(data []byte) (advisories []Advisory, err error) {
	return advisories, decode("the list of advisories", data, MaxNotices, &advisories)
}

// DecodeRevocations reads the document of all revocations. The error is an *Error.
func DecodeRevocations(data []byte) (revocations []Revocation, err error) {
	return revocations, decode("the list of revocations", data, MaxNotices, &revocations)
}
