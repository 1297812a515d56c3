package bundle

import (
	"fmt"
	"math"
)

// judgeHeaders judges all headers in the order of the file, each by the order of
// the codes.
func (p *parser) judgeHeaders() error {
	twin, err := p.findTwin()
	if err != nil {
		return err
	}
	behind, total := int64(0), int64(0) // the end of the entry before, all sizes
	for i := range p.entries {
		e := &p.entries[i]
		if err := p.judgePlace(i, behind, twin); err != nil {
			return err
		}
		behind = e.end
		if err := judgeEntry(e); err != nil {
			return err
		}
		total = addSizes(total, e.Size)
		if err := p.judgeSize(e, total); err != nil {
			return err
		}
	}
	return p.judgeRest(behind)
}

// judgePlace judges the name of entry i among the others, and its bytes among
// theirs. behind is where the entry before ends; e.end is set.
func (p *parser) judgePlace(i int, behind int64, twin twins) error {
	e := &p.entries[i]
	shared := i > 0 && e.offset == p.entries[i-1].offset
	if i == twin.later && twin.found {
		if other := &p.entries[twin.earlier]; isManifestName(e.Name) && isManifestName(other.Name) {
			return refuse(CodeMultipleManifest, e.Name, "there is also %s: readers would disagree on which manifest counts", quote(clip(other.Name)))
		} else if !shared {
			return refuse(CodeDuplicateName, e.Name, "the name is the same as that of %s, or one is a file and a folder of the other; letter case does not count", quote(clip(other.Name)))
		}
	}
	if shared {
		return refuse(CodeOverlap, e.Name, "it shares its local header with %s", quote(clip(p.entries[i-1].Name)))
	}
	next := p.boundary(i)
	if e.local.read {
		fault, err := p.mismatch(e, next)
		if err != nil {
			return err
		}
		if fault != "" {
			return refuse(CodeLocalMismatch, e.Name, "%s", fault)
		}
	} else {
		e.end = e.dataAt // it reaches into the next one, who is refused for it
	}
	if i > 0 && e.offset < behind {
		return refuse(CodeOverlap, e.Name, "it begins at %d, inside of %s, which ends at %d", e.offset, quote(clip(p.entries[i-1].Name)), behind)
	}
	if i == len(p.entries)-1 && e.end > next {
		return refuse(CodeOverlap, e.Name, "it ends at %d, inside of the central directory, which begins at %d", e.end, next)
	}
	if i > 0 && e.offset > behind {
		fault, err := p.foreign(CodeGap, behind, e.offset, e.Name, "in front of it belong to no entry")
		if err != nil {
			return err
		}
		return fault
	}
	return nil
}

// judgeEntry judges what an entry says of itself.
func judgeEntry(e *entry) error {
	if e.extraFault != "" {
		return refuse(CodeExtraBad, e.Name, "%s", e.extraFault)
	}
	if fault := pathFault(e.Name); fault != "" {
		return refuse(CodeUnsafePath, e.Name, "%s", fault)
	}
	// The upper half of the attributes is a Unix mode. Writers for other systems
	// leave it 0, and some readers look at it whatever the system.
	if kind := e.attributes >> 28; kind != 0 && kind != 0x8 && kind != 0x4 {
		return refuse(CodeSpecialFile, e.Name, "by its mode %#o it is a link, a device or the like; only files and folders are taken", e.attributes>>16)
	}
	switch {
	case e.Method != MethodStored && e.Method != MethodDeflate:
		return refuse(CodeMethod, e.Name, "its compression method is %d; only stored (0) and deflate (8) are taken", e.Method)
	case e.flags&^flagsAllowed != 0:
		return refuse(CodeMethod, e.Name, "its flags %#04x ask for what is not supported", e.flags)
	case e.Method == MethodStored && e.flags&flagDescriptor != 0:
		return refuse(CodeMethod, e.Name, "it is stored with a data descriptor: readers of streams can not tell where it ends")
	}
	return nil
}

// judgeSize judges declared sizes. Compressed data fills exactly the bytes that
// belong to an entry, and inflating stops one byte behind the declared size, so the
// declared ratio is the true one.
func (p *parser) judgeSize(e *entry, total int64) error {
	l := p.limits
	switch {
	case e.Size > l.EntryBytes:
		return refuse(CodeEntryTooBig, e.Name, "it unpacks to %d bytes, more than the %d allowed", e.Size, l.EntryBytes)
	case total > l.TotalBytes:
		return refuse(CodeTotalTooBig, e.Name, "with it the entries unpack to %d bytes, more than the %d allowed", total, l.TotalBytes)
	case e.Size > l.RatioFrom && e.Size/l.Ratio >= e.CompressedSize && e.Size > l.Ratio*e.CompressedSize:
		return refuse(CodeRatioTooHigh, e.Name, "it unpacks to %d bytes from %d, more than %d times as many", e.Size, e.CompressedSize, l.Ratio)
	}
	return nil
}

// addSizes adds two sizes without running over.
func addSizes(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// judgeRest judges bytes around the directory that belong to nothing.
func (p *parser) judgeRest(behind int64) error {
	for _, rest := range []struct {
		from, to int64
		where    string
	}{
		{behind, p.dirAt, "in front of the central directory"},
		{p.dirAt + p.dirSize, p.end.dirEnd, "behind the central directory"},
	} {
		if rest.from == rest.to || len(p.entries) == 0 && rest.to == p.dirAt {
			continue
		}
		fault, err := p.foreign(CodeGap, rest.from, rest.to, "", fmt.Sprintf("%s belong to nothing", rest.where))
		if err != nil {
			return err
		}
		return fault
	}
	return nil
}
