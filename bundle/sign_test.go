package bundle_test

import (
	"bytes"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

const signerID = "examples.hello.HelloExtension" // of bundletest.Good

func TestSignedBundleProvesItsSigner(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	v := mustVerify(t, signer.Sign(bundletest.Good()))
	signed, ok := v.Signed()
	if !ok {
		t.Fatal("unsigned")
	}
	if len(signed.Chain) != 3 || !signed.Chain[0].Equal(signer.Leaf) || !signed.Chain[1].Equal(signer.Organization) || !signed.Chain[2].Equal(signer.Root) {
		t.Errorf("the chain is %d long: %v", len(signed.Chain), signed.Chain)
	}
	if signed.Timestamp != nil || len(signed.Staples) != 0 {
		t.Errorf("a timestamp or staples out of nothing: %+v", signed)
	}
	s := v.Signature()
	if s.State != bundle.SignatureUnchecked || s.Code != "" || s.Signer != signerID || s.Organization != "Test Organization" || len(s.Chain) != 3 {
		t.Errorf("%+v", s)
	}
}

func TestSigningTwiceGivesTheSameBytes(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	once := signer.Sign(bundletest.Good())
	if twice := signer.Sign(bundletest.Good()); !bytes.Equal(once, twice) {
		t.Error("the same bundle, signed twice, differs")
	}
	if again := signer.Sign(once); !bytes.Equal(once, again) {
		t.Error("a signed bundle, signed again, differs")
	}
}
