// Package keyfile is private keys in files: PKCS#8 in PEM, encrypted unless the caller
// says otherwise, as OpenSSL and the JDK read and write them. Generate makes a key,
// Encode and Decode turn it into a file's text and back.
//
// What is read is bounded in size and in the work that its parameters may ask for. No
// error repeats a key or a passphrase.
package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// MaxSize bounds the text of a key file: RSA-8192 in PEM is under 7 KiB.
const MaxSize = 64 << 10

// What may be wrong with a key file.
var (
	// ErrPassphrase: the file is encrypted with another passphrase, or damaged; the two
	// can not be told apart.
	ErrPassphrase = errors.New("the passphrase does not open the key")
	// ErrNoKey: the text holds no private key in a form that is read here.
	ErrNoKey = errors.New("no private key that can be read")
	// ErrWeak: it is a key that package algorithm does not let count.
	ErrWeak = errors.New("the key is of no use for signing here")
)

// Kind names how a key is made.
type Kind string

// The kinds. Default is the one to use when nobody says otherwise.
const (
	RSA2048   Kind = "rsa-2048"
	RSA3072   Kind = "rsa-3072"
	RSA4096   Kind = "rsa-4096"
	ECDSAP256 Kind = "ecdsa-p256"
	ECDSAP384 Kind = "ecdsa-p384"

	Default = RSA3072
)

// Kinds lists them all.
func Kinds() []Kind { return []Kind{RSA2048, RSA3072, RSA4096, ECDSAP256, ECDSAP384} }

// Generate makes a key. An empty kind is Default.
func Generate(kind Kind) (crypto.Signer, error) {
	switch kind {
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072, "":
		return rsa.GenerateKey(rand.Reader, algorithm.DefaultRSABits)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return nil, fmt.Errorf("%q is no kind of key; there are %q", kind, Kinds())
}

// Names of PEM blocks.
const (
	blockPlain     = "PRIVATE KEY"           // PKCS#8, RFC 5958
	blockEncrypted = "ENCRYPTED PRIVATE KEY" // the same under PBES2
	blockPKCS1     = "RSA PRIVATE KEY"
	blockSEC1      = "EC PRIVATE KEY"
)

// Encode returns key as PEM, encrypted with passphrase.
func Encode(key crypto.Signer, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, errors.New("encrypting a key: the passphrase is empty")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	sealed, err := seal(der, passphrase)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockEncrypted, Bytes: sealed}), nil
}

// EncodeUnencrypted returns key as PEM that whoever reads the file can use.
func EncodeUnencrypted(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockPlain, Bytes: der}), nil
}

// Encrypted reports whether the first private key in text needs a passphrase.
func Encrypted(text []byte) bool {
	block := find(text)
	return block != nil && block.Type == blockEncrypted
}

// Decode returns the first private key in text, whatever else stands there. passphrase
// is asked once, and only if the key is encrypted; its error is passed on. Nil opens no
// encrypted key. Also read are
// unencrypted PKCS#1 and SEC 1 keys, as older tools write them. The key is one that
// algorithm.CheckKey accepts, else the error is ErrWeak.
func Decode(text []byte, passphrase func() ([]byte, error)) (crypto.Signer, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("a key file has at most %d bytes: %w", MaxSize, ErrNoKey)
	}
	block := find(text)
	if block == nil {
		return nil, ErrNoKey
	}
	key, err := parse(block, passphrase)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%T: %w", key, ErrWeak)
	}
	if err := algorithm.CheckKey(signer.Public()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWeak, err)
	}
	return signer, nil
}

// find returns the first block with a private key.
func find(text []byte) *pem.Block {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil
		}
		switch block.Type {
		case blockPlain, blockEncrypted, blockPKCS1, blockSEC1:
			return block
		}
	}
}

func parse(block *pem.Block, passphrase func() ([]byte, error)) (any, error) {
	var key any
	var err error
	switch block.Type {
	case blockPlain:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case blockPKCS1, blockSEC1:
		if block.Headers["DEK-Info"] != "" {
			return nil, fmt.Errorf("its encryption is the old one of PEM, without PBES2; convert it with 'openssl pkcs8 -topk8': %w", ErrNoKey)
		}
		if block.Type == blockPKCS1 {
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		} else {
			key, err = x509.ParseECPrivateKey(block.Bytes)
		}
	case blockEncrypted:
		sealed, err := parseSealed(block.Bytes)
		if err != nil {
			return nil, err
		}
		if passphrase == nil {
			return nil, ErrPassphrase
		}
		secret, err := passphrase()
		if err != nil {
			return nil, err
		}
		der, err := sealed.open(secret)
		if err != nil {
			return nil, err
		}
		// A wrong passphrase leaves sound padding one time in 256, and then nonsense.
		if key, err = x509.ParsePKCS8PrivateKey(der); err != nil {
			return nil, ErrPassphrase
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	return key, nil
}

// SamePublic reports whether two public keys are one.
func SamePublic(a, b crypto.PublicKey) bool {
	x, errX := x509.MarshalPKIXPublicKey(a)
	y, errY := x509.MarshalPKIXPublicKey(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
