package database

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/store"
)

const digestPrefix = "sha256:"

// canonical writes a document as the index names it.
func canonical(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return buf.Bytes(), err
}

func objectOf(data []byte) store.Object {
	sum := sha256.Sum256(data)
	return store.Object{Digest: digestPrefix + hex.EncodeToString(sum[:]), Size: int64(len(data))}
}

// rawDigest is a digest as it is kept.
func rawDigest(text string) ([]byte, error) {
	digits, ok := strings.CutPrefix(text, digestPrefix)
	raw, err := hex.DecodeString(digits)
	if !ok || err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("%q is no digest", text)
	}
	return raw, nil
}

func digestText(raw []byte) string { return digestPrefix + hex.EncodeToString(raw) }
