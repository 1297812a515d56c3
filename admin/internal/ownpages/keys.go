package ownpages

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// keyIdle is how long a key opens files after it was last used, keyLife how long at
	// most: as long as a session.
	keyIdle = 15 * time.Minute
	keyLife = 12 * time.Hour
	// mostKeys bounds the memory; the one that was not used for longest goes first.
	mostKeys = 1024
)

// keys are the keys of frames, by their digests: how long looking one up takes tells
// nothing of the others.
type keys struct {
	now func() time.Time

	mu    sync.Mutex // guards known
	known map[[sha256.Size]byte]*grant
}

// grant is what one key opens.
type grant struct {
	id         string // of the extension
	made, used time.Time
}

func (g *grant) over(now time.Time) bool {
	return now.Sub(g.used) >= keyIdle || now.Sub(g.made) >= keyLife
}

func newKeys(now func() time.Time) *keys {
	return &keys{now: now, known: map[[sha256.Size]byte]*grant{}}
}

// issue returns a new key for the files of an extension.
func (k *keys) issue(id string) string {
	key, now := rand.Text()+rand.Text(), k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	var oldest [sha256.Size]byte
	for digest, g := range k.known {
		if g.over(now) {
			delete(k.known, digest)
		} else if o := k.known[oldest]; o == nil || g.used.Before(o.used) {
			oldest = digest
		}
	}
	if len(k.known) >= mostKeys {
		delete(k.known, oldest)
	}
	k.known[sha256.Sum256([]byte(key))] = &grant{id: id, made: now, used: now}
	return key
}

// opens returns the extension whose files a key opens.
func (k *keys) opens(key string) (id string, ok bool) {
	now := k.now()
	k.mu.Lock()
	defer k.mu.Unlock()
	g := k.known[sha256.Sum256([]byte(key))]
	if g == nil || g.over(now) {
		return "", false
	}
	g.used = now
	return g.id, true
}
