package bundle_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// recorded verifies jar by a record of whole, after change.
func recorded(t *testing.T, whole, jar []byte, change func([]byte) []byte) (first, second *bundle.Verified, err error) {
	t.Helper()
	open := func(jar []byte) *bundle.File {
		f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, err = bundle.Verify(t.Context(), open(whole))
	if err != nil {
		t.Fatal(err)
	}
	record, err := first.Record()
	if err != nil {
		t.Fatal(err)
	}
	second, err = bundle.VerifyRecorded(t.Context(), open(jar), change(record))
	return first, second, err
}

func asIs(b []byte) []byte { return b }

func TestARecordTellsWhatVerifyFound(t *testing.T) {
	jar := bundletest.Good(bundletest.WithFile("docs/help.txt", bytes.Repeat([]byte("help "), 1000)))
	first, second, err := recorded(t, jar, jar, asIs)
	if err != nil {
		t.Fatal(err)
	}
	if first.Digest() != second.Digest() || first.Size() != second.Size() || !second.Valid() ||
		!reflect.DeepEqual(first.Manifest(), second.Manifest()) || !reflect.DeepEqual(first.Types(), second.Types()) ||
		!slices.Equal(first.Platforms(), second.Platforms()) || !slices.Equal(first.Warnings(), second.Warnings()) ||
		!reflect.DeepEqual(first.Signature(), second.Signature()) {
		t.Errorf("found %+v, then %+v", first, second)
	}
	for _, name := range []string{"docs/help.txt", "META-INF/MANIFEST.MF"} {
		one, _ := first.EntrySHA256(name)
		two, ok := second.EntrySHA256(name)
		if !ok || one != two {
			t.Errorf("%s has the sum %x, then %x", name, one, two)
		}
	}
}

func TestARecordOfSomethingElseDoesNotCount(t *testing.T) {
	jar := bundletest.Good()
	for name, c := range map[string]struct {
		jar    []byte
		change func([]byte) []byte
	}{
		"another bundle": {bundletest.Good(bundletest.With("extension_version", "9.9")), asIs},
		"other entries":  {bundletest.Good(bundletest.WithFile("more", []byte("x"))), asIs},
		"other rules":    {jar, func(b []byte) []byte { return bytes.Replace(b, []byte(`"rules":`), []byte(`"rules":1`), 1) }},
		"a sum that is none": {jar, func(b []byte) []byte {
			return bytes.Replace(b, []byte(`MANIFEST.MF":"`), []byte(`MANIFEST.MF":"zz`), 1)
		}},
		"another manifest's": {jar, swapSums},
		"cut":                {jar, func(b []byte) []byte { return b[:len(b)/2] }},
		"nothing":            {jar, func([]byte) []byte { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			if _, second, err := recorded(t, jar, c.jar, c.change); !errors.Is(err, bundle.ErrRecord) || second != nil {
				t.Errorf("got %v: %v", second, err)
			}
		})
	}
}

// swapSums gives the manifest the sum of something else.
func swapSums(b []byte) []byte {
	const key = `MANIFEST.MF":"`
	at := bytes.Index(b, []byte(key)) + len(key)
	other := slices.Clone(b)
	for i := at; i < at+64; i++ {
		if other[i] == 'a' {
			other[i] = 'b'
		} else {
			other[i] = 'a'
		}
	}
	return other
}
