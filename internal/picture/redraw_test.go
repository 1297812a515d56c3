package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png"
	"testing"
)

var bounds = Bounds{Bytes: 1 << 20, Pixels: 1024 * 1024, Side: 300}

// photographed is a JPEG with a red left and a blue right half.
func photographed(t testing.TB, w, h int) []byte {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(drawn(t, w, h)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRedraw(t *testing.T) {
	for _, c := range []struct {
		name         string
		file         []byte
		media        string
		wantW, wantH int
	}{
		{"a small PNG keeps its size", drawn(t, 30, 20), "image/png", 30, 20},
		{"a PNG as large as may be", drawn(t, 300, 300), "image/png", 300, 300},
		{"a PNG a little larger", drawn(t, 450, 300), "image/png", 300, 200},
		{"a PNG much larger", drawn(t, 1000, 1000), "image/png", 300, 300},
		{"a wide PNG", drawn(t, 4000, 3), "image/png", 300, 1},
		{"a high PNG", drawn(t, 3, 4001), "image/png", 1, 300},
		{"a JPEG", photographed(t, 900, 600), "image/jpeg", 300, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Redraw(c.file, bounds)
			if err != nil {
				t.Fatal(err)
			}
			img, _, err := image.Decode(bytes.NewReader(got.Data))
			if err != nil {
				t.Fatal(err)
			}
			if got.Media != c.media || got.Width != c.wantW || got.Height != c.wantH || img.Bounds() != image.Rect(0, 0, c.wantW, c.wantH) {
				t.Fatalf("%s of %d × %d, decoded %v", got.Media, got.Width, got.Height, img.Bounds())
			}
			if c.wantW < 4 {
				return
			}
			left := color.NRGBAModel.Convert(img.At(0, 0)).(color.NRGBA)
			right := color.NRGBAModel.Convert(img.At(c.wantW-1, 0)).(color.NRGBA)
			if left.R < 245 || left.B > 10 || right.B < 245 || right.R > 10 {
				t.Errorf("left %v, right %v", left, right)
			}
		})
	}
}

func TestRedrawnPicturesOfOthers(t *testing.T) {
	for name, file := range pictures(t) {
		if got, err := Redraw(file, bounds); err != nil || got.Media != "image/png" {
			t.Errorf("%s: %s, %v", name, got.Media, err)
		}
	}
}

func TestRedrawRefuses(t *testing.T) {
	// What a JPEG says of its size stands behind the marker of its frame.
	lying := photographed(t, 8, 8)
	frame := bytes.Index(lying, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(lying[frame+5:], 65535)
	binary.BigEndian.PutUint16(lying[frame+7:], 65535)
	for name, file := range map[string][]byte{
		"nothing":            nil,
		"an SVG":             []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
		"a GIF":              []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
		"a PNG with a claim": claiming(t, 65535, 65535),
		"a PNG of a lie":     claiming(t, 1000, 1000),
		"a JPEG of a lie":    lying,
		"a JPEG cut off":     photographed(t, 64, 64)[:200],
		"too many bytes":     withChunk(drawn(t, 4, 4), "tEXt", make([]byte, 1<<20)),
		"too many pixels":    drawn(t, 1024, 1025),
		"no pixel":           claiming(t, 0, 5),
		"negative":           claiming(t, 1<<31, 1<<31),
		"a PNG without data": drawn(t, 64, 64)[:40],
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Redraw(file, bounds); !errors.Is(err, ErrUnfit) {
				t.Errorf("error %v, want ErrUnfit", err)
			}
		})
	}
}

func TestBombs(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		bomb bool
	}{
		"four giga":        {claiming(t, 65535, 65535), true},
		"one line too far": {claiming(t, 1024, 16*1024+1), true},
		"too large":        {claiming(t, 1024, 16*1024), false},
		"no PNG":           {[]byte("<svg/>"), false},
	} {
		if _, err := Redraw(c.file, bounds); errors.Is(err, ErrBomb) != c.bomb || !errors.Is(err, ErrUnfit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRedraw: whatever comes in, what comes out is a picture of the size that it says, or
// ErrUnfit.
func FuzzRedraw(f *testing.F) {
	f.Add(drawn(f, 3, 2))
	f.Add(drawn(f, 500, 40))
	f.Add(photographed(f, 40, 500))
	f.Add(claiming(f, 1000, 1000))
	for _, file := range pictures(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := Redraw(file, Bounds{Bytes: 1 << 16, Pixels: 1 << 16, Side: 100})
		if err != nil {
			if !errors.Is(err, ErrUnfit) {
				t.Fatal(err)
			}
			return
		}
		img, kind, err := image.Decode(bytes.NewReader(got.Data))
		if err != nil || "image/"+kind != got.Media || img.Bounds() != image.Rect(0, 0, got.Width, got.Height) || max(got.Width, got.Height) > 100 {
			t.Fatalf("%d × %d %s; decoded %v, %v", got.Width, got.Height, got.Media, img, err)
		}
	})
}
