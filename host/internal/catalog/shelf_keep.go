package catalog

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// keptEarlier is how many bundles of an id stay on the shelf beside those that the
// drop folder refers to. It is what a roll back may return to, and what keeps the
// disk from filling up.
const keptEarlier = 3

// collect removes bundles that nobody needs. It keeps those in use, those that are kept
// ("sha256:…", both) and those that an upload holds; and of each id of which nothing is
// kept the keptEarlier others that were used last. An id whose files are all gone keeps
// as many: the folder may be a mount that is not there yet. Folders whose bundle cannot
// be read go. It reports whether one was left because somebody works on it.
func (s *shelf) collect(inUse, kept map[string]bool) (again bool) {
	return s.clear(s.spare(inUse, kept))
}

// purge removes every bundle of an id that is not in use, kept or held by an upload.
func (s *shelf) purge(id string, inUse, kept map[string]bool) (again bool) {
	s.mu.Lock()
	digests := slices.DeleteFunc(s.byID()[id], func(digest string) bool {
		return inUse[digestTag+digest] || kept[digestTag+digest] || s.holds[digest] > 0
	})
	s.mu.Unlock()
	return s.clear(digests)
}

// clear takes bundles off the shelf, and reports whether one was left because somebody
// works on it.
func (s *shelf) clear(digests []string) (again bool) {
	for _, digest := range digests {
		done, _ := s.turns.try(digest)
		if done == nil {
			again = true
			continue
		}
		if !s.held(digest) {
			s.giveAway(digest)
		}
		done()
	}
	return again
}

// spare lists the bundles that collect removes.
func (s *shelf) spare(inUse, kept map[string]bool) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := map[string]bool{} // of which something is kept
	for digest := range kept {
		if e, ok := s.entries[digestHex(digest)]; ok {
			ids[e.id] = true
		}
	}
	var away []string
	for id, digests := range s.byID() {
		for _, digest := range digests {
			if e := s.entries[digest]; e.guest && (inUse[digestTag+digest] || kept[digestTag+digest]) {
				e.guest = false
				s.entries[digest] = e
				s.settle(digest)
			}
		}
		digests = slices.DeleteFunc(digests, func(digest string) bool {
			return inUse[digestTag+digest] || kept[digestTag+digest] || s.holds[digest] > 0
		})
		if id != "" && !ids[id] {
			isGuest := func(digest string) bool { return s.entries[digest].guest }
			for _, digest := range digests {
				if isGuest(digest) {
					away = append(away, digest)
				}
			}
			digests = slices.DeleteFunc(digests, isGuest)
			digests = digests[min(keptEarlier, len(digests)):]
		}
		away = append(away, digests...)
	}
	return away
}

// byID lists the digests of each id, those used last first. The caller has s.mu.
func (s *shelf) byID() map[string][]string {
	list := map[string][]string{}
	for _, digest := range slices.Sorted(maps.Keys(s.entries)) {
		id := s.entries[digest].id
		list[id] = append(list[id], digest)
	}
	for _, digests := range list {
		slices.SortStableFunc(digests, func(a, b string) int { return s.entries[b].used.Compare(s.entries[a].used) })
	}
	return list
}

func (s *shelf) giveAway(digest string) {
	if err := s.discard(digest); err != nil {
		s.log.Warn("an old private copy cannot be removed", "folder", filepath.Join(s.dir, digest), "error", err)
		return
	}
	s.log.Info("an old private copy is removed", "digest", digestTag+digest)
}

// hold keeps a digest from being collected until the function it returns is called,
// which may be done again.
func (s *shelf) hold(digest string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds[digest]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.holds[digest]--; s.holds[digest] == 0 {
			delete(s.holds, digest)
		}
	})
}

func (s *shelf) held(digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holds[digest] > 0
}

// discard takes a folder off the shelf, in one step for whoever looks for it.
func (s *shelf) discard(digest string) error {
	s.forget(digest)
	away, err := os.MkdirTemp(s.dir, scratch)
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(s.dir, digest), filepath.Join(away, digest)); err != nil {
		s.remove(away)
		return err
	}
	s.remove(away)
	return nil
}

// turns lets one goroutine at a time work on a digest.
type turns struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// take waits for the turn and returns the function that ends it.
func (t *turns) take(digest string) (done func()) {
	for {
		done, other := t.try(digest)
		if done != nil {
			return done
		}
		<-other
	}
}

// try takes the turn if nobody has it; else it returns what is closed when that one is
// done.
func (t *turns) try(digest string) (done func(), other <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other, taken := t.held[digest]; taken {
		return nil, other
	}
	if t.held == nil {
		t.held = map[string]chan struct{}{}
	}
	mine := make(chan struct{})
	t.held[digest] = mine
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.held, digest)
		close(mine)
	}, nil
}
