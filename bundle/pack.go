package bundle

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Source is a file to pack.
type Source struct {
	// Name is the name of the entry: a clean relative path with slashes. Folders
	// have no entries of their own.
	Name string
	// Mode is recorded as executable or not, for those who unpack with other tools.
	Mode fs.FileMode
	// Open gives the data. It is called once or twice and must give the same bytes.
	Open func() (io.ReadCloser, error)
}

// BytesSource makes a Source of data in memory.
func BytesSource(name string, data []byte) Source {
	return Source{Name: name, Mode: 0o644, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// inMemory is how much compressed data of one entry Pack keeps. A larger entry is
// compressed twice: first to learn its size, which stands in front of the data, then
// to write it.
const inMemory = 1 << 20

// The fixed time of all entries, 1 January 1980, the first that MS-DOS knew.
const (
	packedDate = 1<<5 | 1
	packedTime = 0
)

// Pack writes a bundle to w: the manifest first, then entries by name. The same
// content gives the same bytes whatever the order of entries and the time of day
// (compress/flate of one Go release decides on the bytes). Sizes stand in the
// headers; nothing needs a data descriptor or zip64.
//
// What Verify would refuse under DefaultLimits is refused here with the same codes,
// and what was written by then is of no use.
func Pack(w io.Writer, manifest []byte, entries []Source) error {
	m, _, err := ParseManifest(manifest)
	if err != nil {
		return (&heldText{name: manifestName}).about(err)
	}
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	sorted = slices.Insert(sorted, 0, BytesSource(manifestName, manifest))
	if err := checkSources(sorted, m); err != nil {
		return err
	}
	p := &packer{w: w, limits: DefaultLimits()}
	for _, s := range sorted {
		if err := p.add(s); err != nil {
			return fmt.Errorf("packing %s: %w", quote(s.Name), err)
		}
	}
	return p.finish()
}

// checkSources judges names, and what describes the bundle, before anything is
// written.
func checkSources(sources []Source, m *Manifest) error {
	judge := &parser{limits: DefaultLimits()}
	if len(sources) > judge.limits.Entries {
		return refuse(CodeTooManyEntries, "", "there are %d entries, more than the %d allowed", len(sources), judge.limits.Entries)
	}
	for _, s := range sources {
		fault := pathFault(s.Name)
		if strings.HasSuffix(s.Name, "/") {
			fault = "a folder has no entry of its own"
		}
		if fault != "" {
			return refuse(CodeUnsafePath, s.Name, "%s", fault)
		}
		judge.entries = append(judge.entries, entry{Entry: Entry{Name: s.Name}})
	}
	twin, err := judge.findTwin()
	if err != nil {
		return err
	}
	if twin.found {
		a, b := sources[twin.earlier].Name, sources[twin.later].Name
		if isManifestName(a) && isManifestName(b) {
			return refuse(CodeMultipleManifest, b, "the manifest is given twice")
		}
		return refuse(CodeDuplicateName, b, "the name is the same as that of %s, or one is a file and a folder of the other; letter case does not count", quote(a))
	}
	for _, s := range sources {
		if err := checkDescription(s, m); err != nil {
			return err
		}
	}
	return nil
}

// checkDescription parses an entry that Verify would parse.
func checkDescription(s Source, m *Manifest) error {
	if s.Name != TypesName && s.Name != ConfigSchemaName {
		return nil
	}
	r, err := s.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxDescription+1))
	if err != nil {
		return err
	}
	held := &heldText{name: s.Name, size: int64(len(data)), max: maxDescription}
	if s.Name == TypesName {
		if err := held.check(CodeTypesInvalid); err != nil {
			return err
		}
		_, err = ParseTypes(data, m)
		return held.about(err)
	}
	if err := held.check(CodeSchemaInvalid); err != nil {
		return err
	}
	return held.about(ParseConfigSchema(data))
}

// packer writes entries one after another and remembers them for the directory.
type packer struct {
	w       io.Writer
	limits  Limits
	at      int64
	total   int64
	deflate *flate.Writer
	buf     []byte
	central bytes.Buffer
	count   int
}

func (p *packer) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.at += int64(n)
	return n, err
}

// add writes one entry.
func (p *packer) add(s Source) error {
	held := &holder{}
	e, err := p.measure(s, held)
	if err != nil {
		return err
	}
	// Data that deflate does not shrink is stored; so is what it shrinks so much
	// that a reader would take it for a bomb.
	limit := &parser{limits: p.limits}
	if e.CompressedSize >= e.Size || CodeOf(limit.judgeSize(&e, 0)) == CodeRatioTooHigh {
		e.Method, e.CompressedSize = MethodStored, e.Size
	}
	p.total = addSizes(p.total, e.Size)
	if err := limit.judgeSize(&e, p.total); err != nil {
		return err
	}
	e.offset = p.at
	if e.offset+e.CompressedSize > p.limits.FileBytes {
		return refuse(CodeTooBig, "", "the bundle would have more than the %d bytes allowed", p.limits.FileBytes)
	}
	if _, err := p.Write(localRecord(&e)); err != nil {
		return err
	}
	start := p.at
	if e.Method == MethodDeflate && !held.over {
		_, err = p.Write(held.data)
	} else {
		err = p.again(s, &e)
	}
	if err != nil {
		return err
	}
	if p.at-start != e.CompressedSize {
		return errChanged
	}
	p.count++
	p.central.Write(centralRecord(&e, s.Mode))
	return nil
}

var errChanged = errors.New("the file was changed while it was packed")

// measure reads and compresses s once and returns what its headers need.
func (p *packer) measure(s Source, held *holder) (entry, error) {
	e := entry{Entry: Entry{Name: s.Name, Method: MethodDeflate}}
	var err error
	e.Size, e.CRC32, err = p.copy(held, s, true)
	e.CompressedSize = held.n
	return e, err
}

// again writes the data of an entry that was measured.
func (p *packer) again(s Source, e *entry) error {
	size, crc, err := p.copy(p, s, e.Method == MethodDeflate)
	if err == nil && (size != e.Size || crc != e.CRC32) {
		err = errChanged
	}
	return err
}

// copy writes the data of s to dst, deflated or as it is.
func (p *packer) copy(dst io.Writer, s Source, deflated bool) (size int64, crc uint32, err error) {
	r, err := s.Open()
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	if p.deflate == nil {
		if p.deflate, err = flate.NewWriter(nil, flate.DefaultCompression); err != nil {
			return 0, 0, err
		}
		p.buf = make([]byte, 64<<10)
	}
	sum := crc32.NewIEEE()
	if deflated {
		p.deflate.Reset(dst)
		dst = p.deflate
	}
	// One byte more than may be: enough to refuse it.
	src := io.LimitReader(r, p.limits.EntryBytes+1)
	size, err = io.CopyBuffer(io.MultiWriter(dst, sum), src, p.buf)
	if err == nil && deflated {
		err = p.deflate.Close()
	}
	return size, sum.Sum32(), err
}

// holder counts compressed data, and keeps it while it is short.
type holder struct {
	n    int64
	data []byte
	over bool
}

func (h *holder) Write(b []byte) (int, error) {
	h.n += int64(len(b))
	if h.over = h.over || h.n > inMemory; h.over {
		h.data = nil
	} else {
		h.data = append(h.data, b...)
	}
	return len(b), nil
}

// finish writes the directory and the end record.
func (p *packer) finish() error {
	at, size := p.at, p.central.Len()
	if at+int64(size)+endLen > p.limits.FileBytes {
		return refuse(CodeTooBig, "", "the bundle would have more than the %d bytes allowed", p.limits.FileBytes)
	}
	end := binary.LittleEndian.AppendUint32(nil, sigEnd)
	end = appendFields16(end, 0, 0, p.count, p.count)
	end = appendFields32(end, int64(size), at)
	end = appendFields16(end, 0)
	if _, err := p.Write(p.central.Bytes()); err != nil {
		return err
	}
	_, err := p.Write(end)
	return err
}

// packedFlags marks names that are not ASCII as UTF-8.
func packedFlags(name string) int {
	if strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 }) {
		return 1 << 11
	}
	return 0
}

func localRecord(e *entry) []byte {
	b := binary.LittleEndian.AppendUint32(nil, sigLocal)
	b = appendFields16(b, 20, packedFlags(e.Name), int(e.Method), packedTime, packedDate)
	b = appendFields32(b, int64(e.CRC32), e.CompressedSize, e.Size)
	b = appendFields16(b, len(e.Name), 0)
	return append(b, e.Name...)
}

func centralRecord(e *entry, mode fs.FileMode) []byte {
	unix, dos := int64(0o100644), int64(0)
	if mode&0o111 != 0 {
		unix = 0o100755
	}
	if mode.IsDir() {
		unix, dos = 0o040755, 0x10
	}
	b := binary.LittleEndian.AppendUint32(nil, sigCentral)
	b = appendFields16(b, 3<<8|20, 20, packedFlags(e.Name), int(e.Method), packedTime, packedDate)
	b = appendFields32(b, int64(e.CRC32), e.CompressedSize, e.Size)
	b = appendFields16(b, len(e.Name), 0, 0, 0, 0)
	b = appendFields32(b, unix<<16|dos, e.offset)
	return append(b, e.Name...)
}

func appendFields16(b []byte, values ...int) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func appendFields32(b []byte, values ...int64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return b
}
