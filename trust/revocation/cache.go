package revocation

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
)

// The bounds of what is kept. Files of certificates that nobody has asked about for
// keepFor are removed, but for revocations.
const (
	maxKnown = 4096
	maxLists = 64
	keepFor  = 90 * 24 * time.Hour
)

// cache keeps what was said, in memory and, with a folder, on disk: <key>.ocsp and
// <key>.crl the newest answer, <key>.revoked.ocsp or <key>.revoked.crl what says that the
// certificate is revoked. They are the signed bytes themselves: what is read from disk is
// verified again, so that whoever can write there can make it forget, not lie.
type cache struct {
	dir string
	log *slog.Logger

	mu    sync.Mutex
	swept bool
	known map[string]known // by question.key
	lists map[string]list  // by issuer and address
}

// known is what is kept of one certificate. Its evidence is never changed.
type known struct {
	latest  *evidence // an OCSP answer, fresh or not
	revoked *evidence
}

// list is a CRL that was fetched.
type list struct {
	crl   CRL
	asked time.Time
}

func newCache(dir string, log *slog.Logger) *cache {
	return &cache{dir: dir, log: log, known: map[string]known{}, lists: map[string]list{}}
}

// of returns what is known of a certificate.
func (c *cache) of(q *question) known {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.known[q.key]
	if ok {
		return k
	}
	if der, asked, ok := c.read(q.key+".ocsp", MaxOCSP); ok {
		if e, err := verifyOCSP(der, q, q.now); err == nil {
			e.source, e.asked = "OCSP answer kept", asked
			k.latest = e
		}
	}
	k.revoked = c.readRevoked(q)
	c.remember(q, k)
	return k
}

// readRevoked reads what says that a certificate is revoked. The responder has to have
// been valid when it said so: that was long ago, perhaps.
func (c *cache) readRevoked(q *question) *evidence {
	if der, _, ok := c.read(q.key+".revoked.ocsp", MaxOCSP); ok {
		if at, err := thisUpdate(der, q); err == nil {
			if e, err := verifyOCSP(der, q, at); err == nil && e.status == Revoked {
				e.source = "OCSP answer kept"
				return e
			}
		}
	}
	if der, _, ok := c.read(q.key+".revoked.crl", MaxCRL); ok {
		if crl, err := ParseCRL("kept", der); err == nil && crl.verify(q.issuer) == nil {
			if e := crl.about(q.cert.SerialNumber); e.status == Revoked {
				return e
			}
		}
	}
	return nil
}

// keep keeps an OCSP answer and a revocation, either of which may be nil, unless what is
// there is newer, or graver. lifted is the hold that was lifted, if one was.
func (c *cache) keep(q *question, latest, revoked, lifted *evidence) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[q.key]
	if latest != nil && latest != k.latest && newest(k.latest, latest) == latest {
		k.latest = latest
		c.write(q.key+".ocsp", latest.der, latest.asked)
	}
	before := k.revoked
	if k.revoked == lifted {
		k.revoked = nil
	}
	if revoked != nil && revoked.graver(k.revoked) {
		k.revoked = revoked
	}
	if k.revoked != before {
		c.remove(q.key + ".revoked.ocsp")
		c.remove(q.key + ".revoked.crl")
		if k.revoked != nil {
			c.write(q.key+".revoked."+string(k.revoked.kind), k.revoked.der, q.now)
		}
	}
	c.remember(q, k)
}

// remember is called with mu held. Revocations stay in memory: there may be no disk.
func (c *cache) remember(q *question, k known) {
	if len(c.known) >= maxKnown {
		for key, k := range c.known {
			if k.revoked == nil {
				delete(c.known, key)
			}
		}
	}
	c.known[q.key] = k
}

// listAt returns the CRL that was fetched from an address for an issuer.
func (c *cache) listAt(q *question, url string) (list, bool) {
	key := keyOf(q.issuer, []byte(url))
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, ok := c.lists[key]; ok {
		return l, true
	}
	der, asked, ok := c.read(key+".crl", MaxCRL)
	if !ok {
		return list{}, false
	}
	crl, err := ParseCRL("of "+url, der)
	if err != nil || crl.verify(q.issuer) != nil {
		return list{}, false
	}
	l := list{crl: crl, asked: asked}
	c.rememberList(key, l)
	return l, true
}

// keepList keeps a verified CRL, unless the one that is there is newer: an older one,
// fresh or not, would take revocations back.
func (c *cache) keepList(q *question, url string, crl CRL) list {
	old, ok := c.listAt(q, url)
	l := list{crl: crl, asked: q.now}
	key := keyOf(q.issuer, []byte(url))
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok && old.crl.List.ThisUpdate.After(crl.List.ThisUpdate) {
		l.crl = old.crl
	}
	c.write(key+".crl", l.crl.List.Raw, l.asked)
	c.rememberList(key, l)
	return l
}

func (c *cache) rememberList(key string, l list) {
	if len(c.lists) >= maxLists {
		clear(c.lists)
	}
	c.lists[key] = l
}

// read reads a file of the folder and when what is in it was asked for.
func (c *cache) read(name string, limit int64) (data []byte, asked time.Time, ok bool) {
	if c.dir == "" {
		return nil, time.Time{}, false
	}
	f, err := os.Open(filepath.Join(c.dir, name))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("an answer about revocation that was kept cannot be read", "error", err)
		}
		return nil, time.Time{}, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return nil, time.Time{}, false
	}
	data, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil || int64(len(data)) > limit {
		return nil, time.Time{}, false
	}
	return data, info.ModTime(), true
}

// write writes a file of the folder. Without it the answer is asked for again after a
// restart: that is logged, and nothing fails.
func (c *cache) write(name string, data []byte, asked time.Time) {
	if c.dir == "" {
		return
	}
	path := filepath.Join(c.dir, name)
	err := os.MkdirAll(c.dir, 0o700)
	if err == nil {
		c.sweep(asked)
		err = renameio.WriteFile(path, data, 0o600)
	}
	if err == nil {
		err = os.Chtimes(path, asked, asked)
	}
	if err != nil {
		c.log.Warn("an answer about revocation cannot be kept", "error", err)
	}
}

func (c *cache) remove(name string) {
	if c.dir == "" {
		return
	}
	if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("an answer about revocation cannot be removed", "error", err)
	}
}

// sweep removes old files, once.
func (c *cache) sweep(now time.Time) {
	if c.swept {
		return
	}
	c.swept = true
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.Contains(name, ".revoked.") || !strings.HasSuffix(name, ".ocsp") && !strings.HasSuffix(name, ".crl") {
			continue
		}
		if info, err := entry.Info(); err == nil && now.Sub(info.ModTime()) > keepFor {
			c.remove(name)
		}
	}
}
