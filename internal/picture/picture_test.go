package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// drawn is a PNG with a red left and a blue right half.
func drawn(t testing.TB, w, h int) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{R: 255, A: 255}
			if x >= w/2 {
				c = color.NRGBA{B: 255, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withChunk puts a chunk behind the header of a PNG.
func withChunk(file []byte, kind string, data []byte) []byte {
	const header = 8 + 4 + 4 + 13 + 4
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, kind...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return append(append(append([]byte{}, file[:header]...), chunk...), file[header:]...)
}

// claiming is a PNG whose header claims a size that its data do not have.
func claiming(t testing.TB, w, h uint32) []byte {
	file := drawn(t, 4, 4)
	binary.BigEndian.PutUint32(file[16:], w)
	binary.BigEndian.PutUint32(file[20:], h)
	binary.BigEndian.PutUint32(file[29:], crc32.ChecksumIEEE(file[12:29]))
	return file
}

func TestIconIsDrawnAnew(t *testing.T) {
	for _, c := range []struct {
		name         string
		w, h         int
		wantW, wantH int
	}{
		{"small keeps its size", 32, 32, 32, 32},
		{"large is scaled", 512, 512, 128, 128},
		{"wide keeps its proportions", 1000, 250, 128, 32},
		{"a line stays a line", 1024, 1, 128, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			icon, err := Icon(drawn(t, c.w, c.h))
			if err != nil {
				t.Fatal(err)
			}
			got, err := png.Decode(bytes.NewReader(icon))
			if err != nil {
				t.Fatal(err)
			}
			if b := got.Bounds(); b.Dx() != c.wantW || b.Dy() != c.wantH {
				t.Errorf("%v, want %d × %d", b, c.wantW, c.wantH)
			}
			left := color.NRGBAModel.Convert(got.At(0, 0)).(color.NRGBA)
			right := color.NRGBAModel.Convert(got.At(c.wantW-1, 0)).(color.NRGBA)
			if left.R < 250 || left.B > 5 || right.B < 250 || right.R > 5 {
				t.Errorf("left %v, right %v", left, right)
			}
		})
	}
}

// pictures are PNGs of several kinds that others have made, by name.
func pictures(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/pngsuite/*.png")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d pictures, error %v", len(names), err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func TestPicturesOfOthers(t *testing.T) {
	for name, file := range pictures(t) {
		icon, err := Icon(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		was, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		is, err := png.Decode(bytes.NewReader(icon))
		if err != nil {
			t.Fatal(err)
		}
		// The corner looks as it did, the rest of the alphabet of PNG is gone.
		r1, g1, b1, a1 := was.At(0, 0).RGBA()
		r2, g2, b2, a2 := is.At(0, 0).RGBA()
		for i, pair := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}, {a1, a2}} {
			if d := int(pair[0]>>8) - int(pair[1]>>8); was.Bounds().Dx() <= Side && (d < -1 || d > 1) {
				t.Errorf("%s: channel %d of the corner was %d and is %d", name, i, pair[0]>>8, pair[1]>>8)
			}
		}
		for _, chunk := range []string{"gAMA", "bKGD", "tRNS", "PLTE", "sBIT", "tEXt"} {
			if bytes.Contains(icon, []byte(chunk)) {
				t.Errorf("%s: the chunk %s is still there", name, chunk)
			}
		}
	}
}

func TestNothingIsPassedThrough(t *testing.T) {
	secret := []byte("<script>alert(1)</script>")
	file := append(withChunk(drawn(t, 16, 16), "tEXt", append([]byte("Comment\x00"), secret...)), secret...)
	icon, err := Icon(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(icon, secret) || bytes.Contains(icon, []byte("tEXt")) {
		t.Error("the icon has more than pixels")
	}
}

func TestUnfitPictures(t *testing.T) {
	for name, file := range map[string][]byte{
		"nothing":               nil,
		"an SVG":                []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"a GIF":                 []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
		"too wide":              drawn(t, MaxSide+1, 1),
		"a claim of four giga":  claiming(t, 65535, 65535),
		"a size that is a lie":  claiming(t, 1000, 1000),
		"too many bytes":        withChunk(drawn(t, 4, 4), "tEXt", make([]byte, MaxBytes)),
		"cut off in the middle": drawn(t, 64, 64)[:90],
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Icon(file); !errors.Is(err, ErrUnfit) {
				t.Errorf("error %v, want ErrUnfit", err)
			}
		})
	}
}

func TestShelfMakesAnIconOnce(t *testing.T) {
	var s Shelf
	reads := 0
	read := func() ([]byte, error) { reads++; return drawn(t, 8, 8), nil }
	first, err := s.Get("a", read)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Get("a", read)
	if err != nil || reads != 1 || first.Tag == "" || first.Tag != second.Tag {
		t.Errorf("%d reads, tags %q and %q, error %v", reads, first.Tag, second.Tag, err)
	}
	for range 2 {
		if _, err := s.Get("svg", func() ([]byte, error) { reads++; return []byte("<svg/>"), nil }); !errors.Is(err, ErrUnfit) {
			t.Errorf("error %v, want ErrUnfit", err)
		}
	}
	if reads != 2 {
		t.Errorf("what is unfit was read %d times", reads-1)
	}
	// What could not be read may be readable the next time.
	if _, err := s.Get("b", func() ([]byte, error) { return nil, fs.ErrPermission }); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v, want ErrPermission", err)
	}
	if _, err := s.Get("b", read); err != nil {
		t.Error(err)
	}
}

// FuzzIcon: whatever comes in, what comes out is a PNG of a bounded size, or ErrUnfit.
func FuzzIcon(f *testing.F) {
	f.Add(drawn(f, 3, 2))
	f.Add(drawn(f, 200, 40))
	f.Add(claiming(f, 1000, 1000))
	f.Add(withChunk(drawn(f, 4, 4), "acTL", make([]byte, 8)))
	f.Add([]byte("<svg/>"))
	for _, file := range pictures(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		icon, err := Icon(file)
		if err != nil {
			if !errors.Is(err, ErrUnfit) {
				t.Fatal(err)
			}
			return
		}
		got, err := png.Decode(bytes.NewReader(icon))
		if err != nil {
			t.Fatalf("what was encoded can not be decoded: %v", err)
		}
		if b := got.Bounds(); b.Dx() > Side || b.Dy() > Side || b.Empty() {
			t.Fatalf("an icon of %v", b)
		}
	})
}

func BenchmarkIcon(b *testing.B) {
	for name, side := range map[string]int{"64": 64, "256": 256, "1024": MaxSide} {
		file := drawn(b, side, side)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Icon(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
