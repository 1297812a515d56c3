package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	// leastEntry is what an entry counts at least: names take room, too, and so a
	// folder of empty files comes to an end, and looking at it.
	leastEntry = 4 << 10
	// maxDepth is how deep folders may lie in each other where their bytes are counted.
	maxDepth = 128
	// readAtOnce is how many names are read of a folder at once.
	readAtOnce = 256
)

var errTooDeep = errors.New("too deep")

// measure looks at the data folders of all boxes, each DataPeriod, until Close.
func (k *Keeper) measure() {
	tick := time.NewTicker(k.cfg.DataPeriod)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
		}
		k.mu.Lock()
		boxes := make([]*Box, 0, len(k.measured))
		for b := range k.measured {
			boxes = append(boxes, b)
		}
		k.mu.Unlock()
		for _, b := range boxes {
			b.weigh(k.stop)
		}
	}
}

// weigh ends the process if its data folder holds more than it may.
func (b *Box) weigh(stop <-chan struct{}) {
	sum, err := bytesIn(b.limits.DataDir, b.limits.Data, stop)
	text := ""
	switch {
	case errors.Is(err, errTooDeep):
		text = fmt.Sprintf("folders in its data folder lie more than %d deep in each other, where nobody counts (limits.data)", maxDepth)
	case err != nil:
		b.log.Debug("the data folder of an extension cannot be looked at", "folder", b.limits.DataDir, "err", err)
		return
	case sum <= b.limits.Data:
		return
	default:
		text = fmt.Sprintf("its data folder %s holds more than %s (limits.data)", b.limits.DataDir, mebibytes(b.limits.Data))
	}
	b.mu.Lock()
	b.dataExceeded = text
	kill := b.kill
	b.mu.Unlock()
	kill()
}

// bytesIn is how much of the disk dir takes with all below it, or more than most. Its
// owner may be hostile and change it meanwhile: no link is followed.
func bytesIn(dir string, most int64, stop <-chan struct{}) (int64, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	return addUp(root, 0, most, 0, stop)
}

func addUp(root *os.Root, sum, most int64, depth int, stop <-chan struct{}) (int64, error) {
	if depth > maxDepth {
		return sum, errTooDeep
	}
	dir, err := root.Open(".")
	if err != nil {
		return sum, err
	}
	defer dir.Close()
	for sum <= most {
		select {
		case <-stop:
			return 0, nil
		default:
		}
		names, err := dir.Readdirnames(readAtOnce)
		for _, name := range names {
			if sum, err = addOne(root, name, sum, most, depth, stop); err != nil {
				return sum, err
			}
		}
		if errors.Is(err, io.EOF) || len(names) == 0 {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func addOne(root *os.Root, name string, sum, most int64, depth int, stop <-chan struct{}) (int64, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return sum, ignoreGone(err)
	}
	size := int64(leastEntry)
	if is, ok := info.Sys().(*syscall.Stat_t); ok {
		const block = 512 // the unit of st_blocks, whatever the file system's is
		size = max(size, is.Blocks*block)
	}
	sum += size
	if !info.IsDir() || sum > most {
		return sum, nil
	}
	below, err := root.OpenRoot(name)
	if err != nil {
		return sum, ignoreGone(err)
	}
	defer below.Close()
	return addUp(below, sum, most, depth+1, stop)
}

// ignoreGone drops the error of what was there a moment ago.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}
