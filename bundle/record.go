package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// recordRules is the number of the rules by which Verify judges. It goes up whenever
// Verify refuses something that it accepted before: then no older record counts.
const recordRules = 2

// record is what Verify found out by reading every entry.
type record struct {
	Rules  int               `json:"rules"`
	Digest string            `json:"digest"`
	Sums   map[string]string `json:"sums"` // SHA-256 of the data of each entry, hexadecimal
	More   moreSums          `json:"more,omitempty"`
}

// Record is what VerifyRecorded needs to spare itself the unpacking.
func (v *Verified) Record() ([]byte, error) {
	r := record{Rules: recordRules, Digest: v.digest, More: v.more, Sums: make(map[string]string, len(v.sums))}
	for i, sum := range v.sums {
		r.Sums[v.file.entries[i].Name] = hex.EncodeToString(sum[:])
	}
	return json.Marshal(r)
}

// ErrRecord says that a record is not about this file, or not by the rules of now: the
// file must be verified.
var ErrRecord = errors.New("the record is not about this file")

// VerifyRecorded is Verify for a file of which the caller has a Record, and on whose
// record it can rely as on its own code: kept where nobody else can write. The whole
// file is read and must have the digest of the record, and what describes the bundle,
// its signature included, is read and judged as by Verify; the other entries are not
// unpacked. ErrRecord says that Verify must be asked.
func VerifyRecorded(ctx context.Context, f *File, recorded []byte) (*Verified, error) {
	var r record
	if err := json.Unmarshal(recorded, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if r.Rules != recordRules || len(r.Sums) != len(f.entries) {
		return nil, ErrRecord
	}
	v := &Verified{file: f, sums: make([][sha256.Size]byte, len(f.entries)), warnings: []string{}, digest: r.Digest, more: r.More}
	for i := range f.entries {
		sum, err := hex.DecodeString(r.Sums[f.entries[i].Name])
		if err != nil || len(sum) != sha256.Size {
			return nil, ErrRecord
		}
		copy(v.sums[i][:], sum)
	}
	whole := sha256.New()
	if _, err := io.Copy(whole, &contextReader{ctx, io.NewSectionReader(f.r, 0, f.size)}); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the bundle: %w", context.Cause(ctx))
		}
		return nil, unreadable(err)
	}
	if "sha256:"+hex.EncodeToString(whole.Sum(nil)) != r.Digest {
		return nil, ErrRecord
	}
	held := holdTexts(f)
	for i := range f.entries {
		e := &f.entries[i]
		text := held.of(e)
		if text == nil {
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(io.MultiWriter(sum, text), f.openIndex(i)); err != nil {
			return nil, err
		}
		if [sha256.Size]byte(sum.Sum(nil)) != v.sums[i] {
			return nil, ErrRecord
		}
	}
	signature, err := v.describe(held)
	if signature != nil {
		return nil, signature
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}
