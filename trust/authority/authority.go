// Package authority is a small certificate authority for those who sign extensions: a
// root, organizations below it, and a certificate for each extension, in exactly the
// profile that package trust accepts.
//
//	a, err := authority.Init(dir, authority.Options{Name: "Acme Root", Passphrase: secret})
//	org, err := a.AddOrganization("acme.example", authority.Options{Name: "Acme Inc.", Passphrase: secret})
//	issued, err := org.Issue("org.acme.Hello", authority.IssueOptions{})
//
// Later Open finds it again. Everything lies in one folder, which only its owner can read:
//
//	authority.json                  the URL under which answers are served
//	lock                            held while something changes
//	tmp/                            what is on its way to its place
//	root/certificate.pem            the root; copy it to where it is to be trusted
//	root/key.pem                    its key; may be kept elsewhere, see Keys.RootFile
//	root/certificates/<serial>.pem  what the root has issued
//	root/certificates/<serial>.revoked.json
//	root/responders/…               certificates of OCSP responders
//	root/crl.pem                    the last list of revoked certificates
//	organizations/<host>/…          the same for each organization
//	retired/<host>-<serial>/…       organizations that were revoked or expired, and made anew
//
// What is promised: a certificate is on the disk before anyone gets it, so that each can
// be revoked; files appear whole or not at all, and a process that is killed leaves a
// folder that works, in which the next one that opens or changes it clears up; of two processes that change the folder one waits for the other.
// Reading needs no lock.
//
// Keys are crypto.Signer everywhere: with Options.Signer and Keys.Signer they can lie in
// a PKCS#11 token or a key service, and no key file is written or read.
package authority

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// RootName is what the root is called where organizations are called by their host.
const RootName = "root"

// Authority is a folder with a root and its organizations. Its methods may be called
// from several goroutines.
type Authority struct {
	dir  string
	keys Keys
	url  string // without a trailing slash; empty: none
	root *CA
}

// Keys says where the private keys of an authority are found when one is needed.
type Keys struct {
	// Passphrase is asked when an encrypted key file is about to be used; name is
	// RootName or the host of an organization. Nil: encrypted keys can not be used.
	Passphrase func(name string) ([]byte, error)
	// RootFile is the root's key file where it is not in the authority's folder.
	RootFile string
	// Signer, when set, gives the keys instead of files, from a PKCS#11 token for
	// one. It returns nil without an error for a key that is in its file after all.
	Signer func(name string) (crypto.Signer, error)
}

// Options describe a root or an organization.
type Options struct {
	Name     string        // for people: O and CN of its subject, 1 to 64 characters
	Validity time.Duration // 0: 20 years for a root, 5 for an organization
	URL      string        // Init only: base URL of `ocsp serve`, for answers and lists; empty: the certificates name none

	// The key: Signer if set, else one of Kind is made and written to a file that is
	// encrypted with Passphrase.
	Signer     crypto.Signer
	Kind       keyfile.Kind
	Passphrase []byte
	// Unencrypted writes the key so that whoever reads the file can use it.
	Unencrypted bool
}

// config is authority.json.
type config struct {
	URL string `json:"url,omitempty"`
}

// Init makes an authority with a new root in dir, which may exist if it holds none. The
// passphrase of the root opens those keys of organizations, too, that have the same;
// for others call Open. The codes of its errors are CodeExists, CodeInvalid,
// CodePassphrase and CodeWeak.
func Init(dir string, o Options) (*Authority, error) {
	base, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, url: base}
	if _, err := os.Lstat(a.path(RootName)); err == nil {
		return nil, refuse(CodeExists, "%s holds an authority already", dir)
	}
	key, text, err := o.key()
	if err != nil {
		return nil, err
	}
	cert, err := rootCertificate(o, key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the authority: %w", err)
	}
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := os.Lstat(a.path(RootName)); err == nil { // another process was faster
		return nil, refuse(CodeExists, "%s holds an authority already", dir)
	}
	settings, err := json.Marshal(config{URL: base})
	if err != nil {
		return nil, err
	}
	if err := a.writeFile(a.path("authority.json"), append(settings, '\n')); err != nil {
		return nil, err
	}
	if err := a.install(RootName, cert, text); err != nil {
		return nil, err
	}
	a.keys.Passphrase = func(string) ([]byte, error) { return o.Passphrase, nil }
	a.root = &CA{a: a, name: RootName, dir: a.path(RootName), cert: cert, key: key}
	return a, nil
}

// Open opens the authority in dir. Keys are not touched before one has to sign.
func Open(dir string, k Keys) (*Authority, error) {
	a := &Authority{dir: dir, keys: k}
	data, err := readFile(a.path("authority.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(CodeNotFound, "%s holds no authority", dir)
	} else if err != nil {
		return nil, err
	}
	var c config
	if err := strictJSON(data, &c); err != nil {
		return nil, refuse(CodeDamaged, "reading %s: %w", a.path("authority.json"), err)
	}
	if a.url, err = parseURL(c.URL); err != nil {
		return nil, err
	}
	if left, err := os.ReadDir(a.path(tmpDir)); err == nil && len(left) > 0 {
		if unlock, err := a.lock(); err == nil { // else it is somebody's who may only read
			unlock()
		}
	}
	a.root, err = a.load(RootName, a.path(RootName))
	if errors.Is(err, fs.ErrNotExist) { // killed while it was made
		return nil, refuse(CodeNotFound, "%s holds no authority: its root is missing", dir)
	} else if err != nil {
		return nil, err
	}
	return a, nil
}

// Root returns the root.
func (a *Authority) Root() *CA { return a.root }

// RootPEM is the root's certificate in PEM: what goes into conf/trust of a host.
func (a *Authority) RootPEM() []byte { return encodePEM(a.root.cert) }

// Organizations returns the hosts of the organizations, sorted.
func (a *Authority) Organizations() ([]string, error) {
	entries, err := os.ReadDir(a.path("organizations"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("listing the organizations: %w", err)
	}
	var hosts []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			hosts = append(hosts, e.Name())
		}
	}
	slices.Sort(hosts)
	return hosts, nil
}

// Organization returns the organization of a host, or CodeNotFound.
func (a *Authority) Organization(host string) (*Organization, error) {
	if err := checkHost(host); err != nil {
		return nil, err
	}
	ca, err := a.load(host, a.path("organizations", host))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(CodeNotFound, "there is no organization %s", host)
	} else if err != nil {
		return nil, err
	}
	return &Organization{ca}, nil
}

// AddOrganization makes an organization, for whose certificate the root signs. One of
// the same host must be revoked or expired: then it is retired, and hosts will see the
// new key as that of another publisher. Else CodeExists.
func (a *Authority) AddOrganization(host string, o Options) (*Organization, error) {
	if err := checkHost(host); err != nil {
		return nil, err
	}
	if _, err := a.successor(host); err != nil {
		return nil, err
	}
	if root := a.root.cert.Subject; o.Name == root.CommonName {
		return nil, refuse(CodeInvalid, "%q is the name of the root: a certificate whose issuer has its own name counts as the end of a chain; give the organization another one", o.Name)
	}
	key, text, err := o.key()
	if err != nil {
		return nil, err
	}
	rootKey, err := a.root.signer()
	if err != nil {
		return nil, err
	}
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	old, err := a.successor(host) // again: another process may have been faster
	if err != nil {
		return nil, err
	}
	if err := a.root.compromised(a.root, key.Public()); err != nil {
		return nil, err
	}
	cert, err := a.root.certifyOrganization(host, o, key.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	if err := a.root.record(certificatesDir, cert); err != nil {
		return nil, err
	}
	if old != nil {
		if err := old.retire(); err != nil {
			return nil, err
		}
	}
	if err := a.install(filepath.Join("organizations", host), cert, text); err != nil {
		return nil, err
	}
	return &Organization{&CA{a: a, name: host, dir: a.path("organizations", host), cert: cert, key: key}}, nil
}

// RenewOrganization gives an organization a certificate for the key that it has: to
// hosts it stays the same publisher, and what it has signed stays valid. 0 is the
// validity of Options.
func (a *Authority) RenewOrganization(host string, validity time.Duration) (*Organization, error) {
	org, err := a.Organization(host)
	if err != nil {
		return nil, err
	}
	rootKey, err := a.root.signer()
	if err != nil {
		return nil, err
	}
	unlock, err := a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := org.compromised(a.root, org.cert.PublicKey); err != nil {
		return nil, err
	}
	if r, err := a.root.Record(SerialText(org.cert.SerialNumber)); err != nil {
		return nil, err
	} else if r.Revoked != nil {
		return nil, refuse(CodeRevoked, "the organization %s is revoked", host)
	}
	o := Options{Name: org.cert.Subject.CommonName, Validity: validity}
	cert, err := a.root.certifyOrganization(host, o, org.cert.PublicKey, rootKey)
	if err != nil {
		return nil, err
	}
	if err := a.root.record(certificatesDir, cert); err != nil {
		return nil, err
	}
	if err := a.writeFile(filepath.Join(org.dir, certificateFile), encodePEM(cert)); err != nil {
		return nil, err
	}
	org.cert = cert
	return org, nil
}

// successor says whether an organization of this host may be made: nil when there is
// none, the one to retire when it is revoked or expired, else CodeExists.
func (a *Authority) successor(host string) (*Organization, error) {
	org, err := a.Organization(host)
	var e *Error
	if errors.As(err, &e) && e.Code == CodeNotFound {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	r, err := a.root.Record(SerialText(org.cert.SerialNumber))
	if err != nil {
		return nil, err
	}
	if r.Status(time.Now()) == StatusValid {
		return nil, refuse(CodeExists, "there is an organization %s already", host)
	}
	return org, nil
}

func (a *Authority) path(parts ...string) string {
	return filepath.Join(append([]string{a.dir}, parts...)...)
}

// load reads the certificate of a root or an organization. The error is
// fs.ErrNotExist when there is none.
func (a *Authority) load(name, dir string) (*CA, error) {
	file := filepath.Join(dir, certificateFile)
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	cert, err := decodePEM(data)
	if err != nil {
		return nil, refuse(CodeDamaged, "reading %s: %w", file, err)
	}
	return &CA{a: a, name: name, dir: dir, cert: cert}, nil
}

// key makes the key of a new root or organization, and the text of its file, nil for
// one that is elsewhere.
func (o Options) key() (crypto.Signer, []byte, error) {
	if o.Signer != nil {
		if err := algorithm.CheckKey(o.Signer.Public()); err != nil {
			return nil, nil, refuse(CodeWeak, "the key can not be certified: %w", err)
		}
		return o.Signer, nil, nil
	}
	if len(o.Passphrase) == 0 && !o.Unencrypted {
		return nil, nil, refuse(CodePassphrase, "a new key needs a passphrase")
	}
	key, err := keyfile.Generate(o.Kind)
	if err != nil {
		return nil, nil, refuse(CodeInvalid, "making a key: %w", err)
	}
	var text []byte
	if o.Unencrypted {
		text, err = keyfile.EncodeUnencrypted(key)
	} else {
		text, err = keyfile.Encode(key, o.Passphrase)
	}
	return key, text, err
}

func parseURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", refuse(CodeInvalid, "%q is not the base of a URL: write it as http://ca.example.com", s)
	}
	return strings.TrimRight(s, "/"), nil
}

func encodePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}
