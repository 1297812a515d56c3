package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

const digestPrefix = "sha256:"

// Digest returns how bytes are named: sha256:<hex>.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// ObjectOf names bytes.
func ObjectOf(data []byte) Object {
	return Object{Digest: Digest(data), Size: int64(len(data))}
}

// ParseDigest reads sha256:<64 hexadecimal digits in lower case>.
func ParseDigest(text string) (sum [sha256.Size]byte, ok bool) {
	digits, found := strings.CutPrefix(text, digestPrefix)
	if !found || len(digits) != 2*sha256.Size || strings.ToLower(digits) != digits {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(digits))
	return sum, err == nil
}

// Canonical writes a document of the index. The same value always gives the same bytes:
// fields in the order of their type, maps sorted, times in UTC as the caller has them, no
// spaces, one line feed at the end.
func Canonical(document any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
