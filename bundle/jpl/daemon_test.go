package jpl_test

// A Jami daemon's own rules, as docs/jami.md tells them, with its mistakes. Nothing of it
// comes from the package under test: it reads with the standard library, leniently, and it
// is what says of our archives that Jami would take them, and of hostile ones that it would,
// too.

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"regexp"
	"strings"
	"time"
)

// daemon is an installation of Jami on one platform.
type daemon struct {
	abi   string
	roots []*x509.Certificate
	now   time.Time
	force bool
	// installed are trees by id, path to content.
	installed map[string]map[string]string
}

// file is an entry, as one of the daemon's readers sees it.
type file struct {
	name string
	data []byte
	dir  bool
}

// install is installPlugin: the code that it answers.
func (d *daemon) install(archive []byte) int {
	files, err := readFiltered(archive)
	if err != nil {
		return 500
	}
	manifest := parseLoosely(first(files, "manifest.json"))
	id := manifest["id"]
	if id == "" {
		return 500
	}
	leaf, ok := d.verifyCertificate(first(files, id+".crt"))
	if !ok {
		return 400
	}
	if !verifyFiles(files, leaf) || !allListed(archive, files, id) {
		return 300
	}
	if tree, ok := d.installed[id]; ok && !d.force {
		old := parseLoosely([]byte(tree["manifest.json"]))["version"]
		switch version := manifest["version"]; {
		case version == old:
			return 100
		case version < old:
			return 200
		}
		was := leafOf([]byte(tree[id+".crt"]))
		if was == nil || !bytes.Equal(was.RawSubjectPublicKeyInfo, leaf.RawSubjectPublicKeyInfo) {
			return 400
		}
	}
	if d.installed == nil {
		d.installed = map[string]map[string]string{}
	}
	d.installed[id] = d.extract(files)
	return 0
}

// extract writes every entry where the daemon does: the last one of a path wins.
func (d *daemon) extract(files []file) map[string]string {
	tree := map[string]string{}
	for _, f := range files {
		if f.dir {
			continue
		}
		if path, ok := where(f.name, d.abi); ok {
			tree[path] = string(f.data)
		}
	}
	return tree
}

// where finds, byte by byte, the leftmost slash and the longest text behind it that is
// followed by a slash and something that looks like a library.
func where(name, abi string) (path string, ok bool) {
	for from := 0; from < len(name); from++ {
		if name[from] != '/' {
			continue
		}
		for to := len(name) - 1; to > from; to-- {
			if name[to] == '/' && looksLikeLibrary(name[to+1:]) {
				return name[to+1:], name[from+1:to] == abi
			}
		}
	}
	return name, true
}

func looksLikeLibrary(s string) bool {
	word := func(c byte) bool {
		return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	for n := 0; n < len(s) && word(s[n]); n++ {
		// n+1 characters of a word, any one, an ending.
		for _, ending := range []string{"dylib", "so", "dll", "lib"} {
			if len(s) > n+2 && strings.HasPrefix(s[n+2:], ending) {
				return true
			}
		}
	}
	return false
}

// readFiltered reads as the daemon does for everything but the list of names: whatever is
// compressed is decompressed first, and then it is any archive.
func readFiltered(archive []byte) ([]file, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return readZIP(archive)
	}
	z.Multistream(false)
	var files []file
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return files, nil
		}
		data, _ := io.ReadAll(r)
		files = append(files, file{h.Name, data, h.Typeflag == tar.TypeDir})
	}
}

func readZIP(archive []byte) ([]file, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil && err != zip.ErrInsecurePath {
		return nil, err
	}
	var files []file
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files = append(files, file{f.Name, data, strings.HasSuffix(f.Name, "/")})
	}
	return files, nil
}

func first(files []file, name string) []byte {
	for _, f := range files {
		if f.name == name {
			return f.data
		}
	}
	return nil
}

func has(files []file, name string) bool {
	for _, f := range files {
		if f.name == name {
			return true
		}
	}
	return false
}

// whole is an escape that is none of half a character, or of both halves; halfCharacter is
// what is left then.
var (
	whole         = regexp.MustCompile(`\\[^u]|\\u[dD][89abAB]..\\u[dD][c-fC-F]..`)
	halfCharacter = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// parseLoosely is the daemon's reading of manifest.json: the last of two equal keys counts,
// numbers are texts, and the id is the name unless it is given.
func parseLoosely(data []byte) map[string]string {
	var members map[string]any
	if json.Unmarshal(data, &members) != nil || halfCharacter.Match(whole.ReplaceAll(data, nil)) {
		return nil
	}
	text := func(key, otherwise string) string {
		switch v := members[key].(type) {
		case string:
			return v
		case nil:
			return otherwise
		default:
			written, _ := json.Marshal(v)
			return string(written)
		}
	}
	m := map[string]string{"name": text("name", ""), "version": text("version", "")}
	m["id"] = text("id", m["name"])
	if m["name"] == "" && m["version"] == "" {
		return nil
	}
	return m
}

// certificates is GnuTLS's reading of a list: whatever calls itself a certificate, and
// nothing at all when one of them is damaged.
func certificates(data []byte) []*x509.Certificate {
	var list []*x509.Certificate
	count := bytes.Count(data, []byte("-----BEGIN CERTIFICATE-----"))
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			if len(list) != count {
				return nil
			}
			return list
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		list = append(list, cert)
	}
}

func leafOf(data []byte) *x509.Certificate {
	if list := certificates(data); len(list) > 0 {
		return list[0]
	}
	return nil
}

// verifyCertificate is the chain check of step 3, and with force only that there is one.
func (d *daemon) verifyCertificate(data []byte) (leaf *x509.Certificate, ok bool) {
	list := certificates(data)
	if len(list) == 0 {
		return nil, false
	}
	for i, cert := range list[:len(list)-1] {
		if !bytes.Equal(cert.RawIssuer, list[i+1].RawSubject) {
			return nil, false // not sorted: the import fails
		}
	}
	if d.force {
		return list[0], true
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range d.roots {
		roots.AddCert(root)
	}
	for _, cert := range list[1:] {
		others.AddCert(cert)
	}
	chains, err := list[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, CurrentTime: d.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, false
	}
	for _, cert := range chains[0] { // profile MEDIUM
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
			return nil, false
		}
	}
	return list[0], true
}

// verifyFiles is step 4.
func verifyFiles(files []file, leaf *x509.Certificate) bool {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return false
	}
	verifies := func(data, signature []byte) bool {
		sum := sha512.Sum512(data)
		return rsa.VerifyPKCS1v15(key, crypto.SHA512, sum[:], signature) == nil
	}
	list := first(files, "signatures")
	if !verifies(list, first(files, "signatures.sig")) {
		return false
	}
	signatures, ok := unpack(list)
	if !ok {
		return false
	}
	for name, signature := range signatures {
		if !has(files, name) || !verifies(first(files, name), signature) {
			return false
		}
	}
	return true
}

// allListed is step 5: the names of the archive, read without filters, are all signed.
func allListed(archive []byte, files []file, id string) bool {
	signatures, _ := unpack(first(files, "signatures"))
	listed, err := readZIP(archive)
	if err != nil {
		return false
	}
	for _, f := range listed {
		if f.name == "signatures" || f.name == "signatures.sig" || f.name == id+".crt" {
			continue
		}
		if _, ok := signatures[f.name]; !ok {
			return false
		}
	}
	return true
}

// unpack is a loose reading of MessagePack: a map of strings to strings or bytes, with
// whatever behind it.
func unpack(data []byte) (map[string][]byte, bool) {
	size := func(n int) int {
		if len(data) < n {
			data = nil
			return -1
		}
		length := 0
		for _, b := range data[:n] {
			length = length<<8 | int(b)
		}
		data = data[n:]
		return length
	}
	blob := func() ([]byte, bool) {
		t, n := size(1), -1
		switch {
		case t&0xe0 == 0xa0 && t >= 0:
			n = t & 0x1f
		case t == 0xd9, t == 0xc4:
			n = size(1)
		case t == 0xda, t == 0xc5:
			n = size(2)
		case t == 0xdb, t == 0xc6:
			n = size(4)
		}
		if n < 0 || n > len(data) {
			return nil, false
		}
		b := data[:n]
		data = data[n:]
		return b, true
	}
	t, n := size(1), -1
	switch {
	case t&0xf0 == 0x80 && t >= 0:
		n = t & 0x0f
	case t == 0xde:
		n = size(2)
	case t == 0xdf:
		n = size(4)
	}
	if n < 0 {
		return nil, false
	}
	items := map[string][]byte{}
	for range n {
		key, ok := blob()
		if !ok {
			return nil, false
		}
		value, ok := blob()
		if !ok {
			return nil, false
		}
		items[string(key)] = value
	}
	return items, true
}
