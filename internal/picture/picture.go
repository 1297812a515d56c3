// Package picture makes the pictures of strangers safe to show.
//
// Icon decodes a PNG and encodes it anew: what comes out was written here, has a bounded
// size and says nothing that the pixels do not say. Nothing of the input is passed through.
// A Shelf keeps icons, so that each is made once. Redraw does the same for larger pictures,
// PNG and JPEG, within Bounds of the caller's.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"

	"golang.org/x/image/draw"
)

const (
	// Side is the width and the height of an icon at most, in pixels: twice what a page
	// shows, for dense screens.
	Side = 128
	// MaxBytes bounds a file that is decoded, MaxSide its width and its height: 16 bits a
	// channel make that 8 MiB of memory.
	MaxBytes = 1 << 20
	MaxSide  = 1024
)

// ErrUnfit says that a picture cannot be shown; the text says why.
var ErrUnfit = errors.New("the picture can not be shown")

// Icon returns a PNG of at most Side × Side pixels that looks like the PNG given, in its
// proportions; a smaller picture keeps its size. The error wraps ErrUnfit.
func Icon(file []byte) ([]byte, error) {
	if len(file) > MaxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrUnfit, MaxBytes)
	}
	// The header first: what it claims decides how much memory decoding takes.
	head, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no PNG: %v", ErrUnfit, err)
	}
	if head.Width > MaxSide || head.Height > MaxSide {
		return nil, fmt.Errorf("%w: it has %d × %d pixels, allowed are %d × %d", ErrUnfit, head.Width, head.Height, MaxSide, MaxSide)
	}
	full, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no PNG: %v", ErrUnfit, err)
	}
	icon := image.NewNRGBA(fit(full.Bounds(), Side))
	draw.CatmullRom.Scale(icon, icon.Bounds(), full, full.Bounds(), draw.Src, nil)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, icon); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// fit is the largest rectangle with the proportions of r that is neither larger than r
// nor than side × side.
func fit(r image.Rectangle, side int) image.Rectangle {
	w, h := r.Dx(), r.Dy()
	if long := max(w, h); long > side {
		w, h = max(1, w*side/long), max(1, h*side/long)
	}
	return image.Rect(0, 0, w, h)
}
