package configuration

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// Vault seals secrets with the key of a home, so that its database and the backups of
// that do not give them away. Each is bound to its extension and its place: in another's
// it does not open. The methods may be called from anywhere.
type Vault struct {
	path string

	mu   sync.Mutex
	aead cipher.AEAD // nil while there is no key
}

// sealedForm stands before a sealed secret: AES-256-GCM, the nonce in front, base64.
const sealedForm = "v1:"

// OpenVault reads the key in the file at path, 64 hexadecimal digits. A file that is not
// there is made when the first secret is sealed.
func OpenVault(path string) (*Vault, error) {
	v := &Vault{path: path}
	text, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key of secrets: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("the key of secrets in %s is not 64 hexadecimal digits; put back the file that was there, or remove it and set every secret again", path)
	}
	v.aead, err = newAEAD(key)
	return v, err
}

// readKey reads little more than a key has.
func readKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	return string(text), err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// place is what a secret is bound to. Neither part has a NUL: ids are names of folders,
// and pointers come from JSON, where it is escaped.
func place(id, pointer string) []byte { return []byte(fmt.Sprintf("%d:%s:%s", len(id), id, pointer)) }

// Seal seals the secrets of an extension, by their pointers. The key is on disk before
// it is used.
func (v *Vault) Seal(id string, secrets map[string]any) (map[string]string, error) {
	if len(secrets) == 0 {
		return map[string]string{}, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.aead == nil {
		if err := v.makeKey(); err != nil {
			return nil, fmt.Errorf("making the key of secrets: %w", err)
		}
	}
	sealed := make(map[string]string, len(secrets))
	for pointer, value := range secrets {
		sealed[pointer] = sealedForm + base64.StdEncoding.EncodeToString(v.aead.Seal(nil, nil, outline.Encode(value), place(id, pointer)))
	}
	return sealed, nil
}

// Open opens sealed secrets. Those that do not open are left out of the result and named
// in lost.
func (v *Vault) Open(id string, sealed map[string]string) (secrets map[string]any, lost []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	secrets = make(map[string]any, len(sealed))
	for pointer, text := range sealed {
		value, err := v.open(id, pointer, text)
		if err != nil {
			lost = append(lost, pointer)
			continue
		}
		secrets[pointer] = value
	}
	return secrets, lost
}

func (v *Vault) open(id, pointer, text string) (any, error) {
	encoded, ok := strings.CutPrefix(text, sealedForm)
	if !ok || v.aead == nil {
		return nil, errors.New("no form or no key for it")
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	plain, err := v.aead.Open(nil, nil, raw, place(id, pointer))
	if err != nil {
		return nil, err
	}
	return outline.Decode(plain)
}

// makeKey makes the key. A file that somebody has put there meanwhile stays.
func (v *Vault) makeKey() error {
	key := make([]byte, 32)
	rand.Read(key) // it does not fail
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	dir := filepath.Dir(v.path)
	f, err := os.CreateTemp(dir, ".secret.key-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which is not there any more when all went well
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if _, err := os.Lstat(v.path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there by now; start the host again (%w)", v.path, cmp.Or(err, fs.ErrExist))
	}
	if err := os.Rename(f.Name(), v.path); err != nil {
		return err
	}
	if err := syncFolder(dir); err != nil {
		return err
	}
	v.aead = aead
	return nil
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
