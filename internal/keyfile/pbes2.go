package keyfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
)

// PBES2 of RFC 8018 (PKCS#5 2.1) around PKCS#8: PBKDF2 and AES in CBC mode, which every
// OpenSSL since 1.0 and every JDK since 8u301 reads.

const (
	// iterations of PBKDF2-HMAC-SHA256 for keys that are written here.
	iterations = 600_000
	// maxIterations bounds the work that a file can ask for, seconds at the most.
	maxIterations = 10_000_000
	saltSize      = 16
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	oidHMACSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidHMACSHA384 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}
	oidHMACSHA512 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}

	oidAES128 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// The structures of RFC 5958 section 3 and RFC 8018 appendix A.
type (
	encryptedPrivateKeyInfo struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params pbes2Params
		}
		Data []byte
	}
	pbes2Params struct {
		KDF struct {
			OID    asn1.ObjectIdentifier
			Params pbkdf2Params
		}
		Cipher struct {
			OID asn1.ObjectIdentifier
			IV  []byte
		}
	}
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"` // absent: HMAC-SHA1
	}
)

// sealed is an encrypted key whose parameters are understood and bounded.
type sealed struct {
	salt, iv, data []byte
	iterations     int
	keySize        int
	prf            func() hash.Hash
}

// parseSealed refuses what it does not understand before a passphrase is asked for.
func parseSealed(der []byte) (sealed, error) {
	var algorithm struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params asn1.RawValue `asn1:"optional"`
		}
		Data []byte
	}
	if rest, err := asn1.Unmarshal(der, &algorithm); err != nil || len(rest) > 0 {
		return sealed{}, fmt.Errorf("its encryption is malformed: %w", ErrNoKey)
	}
	if !algorithm.Algorithm.OID.Equal(oidPBES2) {
		return sealed{}, fmt.Errorf("its encryption is %v, not PBES2; convert it with 'openssl pkcs8 -topk8 -v2 aes-256-cbc': %w", algorithm.Algorithm.OID, ErrNoKey)
	}
	var info encryptedPrivateKeyInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 || !info.Algorithm.Params.KDF.OID.Equal(oidPBKDF2) {
		return sealed{}, fmt.Errorf("its encryption is not PBKDF2 with AES in CBC mode: %w", ErrNoKey)
	}
	kdf, enc := info.Algorithm.Params.KDF.Params, info.Algorithm.Params.Cipher
	s := sealed{salt: kdf.Salt, iv: enc.IV, data: info.Data, iterations: kdf.Iterations}
	switch {
	case enc.OID.Equal(oidAES128):
		s.keySize = 16
	case enc.OID.Equal(oidAES192):
		s.keySize = 24
	case enc.OID.Equal(oidAES256):
		s.keySize = 32
	default:
		return sealed{}, fmt.Errorf("its cipher is %v, not AES in CBC mode: %w", enc.OID, ErrNoKey)
	}
	switch {
	case kdf.PRF.Algorithm == nil, kdf.PRF.Algorithm.Equal(oidHMACSHA1):
		s.prf = sha1.New
	case kdf.PRF.Algorithm.Equal(oidHMACSHA256):
		s.prf = sha256.New
	case kdf.PRF.Algorithm.Equal(oidHMACSHA384):
		s.prf = sha512.New384
	case kdf.PRF.Algorithm.Equal(oidHMACSHA512):
		s.prf = sha512.New
	default:
		return sealed{}, fmt.Errorf("its PBKDF2 uses %v, which is not HMAC with SHA-1 or SHA-2: %w", kdf.PRF.Algorithm, ErrNoKey)
	}
	if s.iterations < 1 || s.iterations > maxIterations || kdf.KeyLength != 0 && kdf.KeyLength != s.keySize ||
		len(s.iv) != aes.BlockSize || len(s.data) == 0 || len(s.data)%aes.BlockSize != 0 || len(s.salt) == 0 {
		return sealed{}, fmt.Errorf("the parameters of its encryption are out of bounds: %w", ErrNoKey)
	}
	return s, nil
}

func (s sealed) open(passphrase []byte) ([]byte, error) {
	block, err := s.block(passphrase)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(s.data))
	cipher.NewCBCDecrypter(block, s.iv).CryptBlocks(plain, s.data)
	n := int(plain[len(plain)-1])
	if n < 1 || n > aes.BlockSize || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-n], nil
}

func (s sealed) block(passphrase []byte) (cipher.Block, error) {
	key, err := pbkdf2.Key(s.prf, string(passphrase), s.salt, s.iterations, s.keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the key of a key file: %w", err)
	}
	return aes.NewCipher(key)
}

// seal encrypts der.
func seal(der, passphrase []byte) ([]byte, error) {
	s := sealed{salt: make([]byte, saltSize), iv: make([]byte, aes.BlockSize), iterations: iterations, keySize: 32, prf: sha256.New}
	// rand.Read never fails: it ends the program if the system has no randomness.
	rand.Read(s.salt)
	rand.Read(s.iv)
	block, err := s.block(passphrase)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(der)%aes.BlockSize
	s.data = append(bytes.Clone(der), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, s.iv).CryptBlocks(s.data, s.data)

	var info encryptedPrivateKeyInfo
	info.Algorithm.OID = oidPBES2
	info.Algorithm.Params.KDF.OID = oidPBKDF2
	info.Algorithm.Params.KDF.Params = pbkdf2Params{
		Salt: s.salt, Iterations: s.iterations, PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256, Parameters: asn1.NullRawValue},
	}
	info.Algorithm.Params.Cipher.OID, info.Algorithm.Params.Cipher.IV = oidAES256, s.iv
	info.Data = s.data
	out, err := asn1.Marshal(info)
	if err != nil {
		return nil, errors.New("encoding an encrypted key")
	}
	return out, nil
}
