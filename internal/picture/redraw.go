package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"

	"golang.org/x/image/draw"
)

// Bounds are what Redraw takes and makes.
type Bounds struct {
	// Bytes is the size of the file, Pixels how many it may have. Decoding takes 8 bytes
	// for a pixel, and for progressive JPEGs 16.
	Bytes, Pixels int
	// Side is the width and the height of what is made, at most, in pixels. A smaller
	// picture keeps its size.
	Side int
}

// Drawn is a picture that was made here.
type Drawn struct {
	Data          []byte
	Media         string // image/png or image/jpeg
	Width, Height int    // pixels
}

// ErrBomb says of a picture that is unfit that it has 16 times as many pixels as are
// allowed, or says so of itself: nobody who draws pictures means that. It wraps ErrUnfit.
var ErrBomb = fmt.Errorf("%w: it is made to fill memory", ErrUnfit)

// Redraw decodes a PNG or a JPEG, by its content, and encodes it anew: as JPEG what came as
// one, else as PNG. The error wraps ErrUnfit. The same file gives the same bytes, as long
// as Go's encoders stay as they are.
func Redraw(file []byte, b Bounds) (Drawn, error) {
	if len(file) > b.Bytes {
		return Drawn{}, fmt.Errorf("%w: it has more than %d bytes", ErrUnfit, b.Bytes)
	}
	media := http.DetectContentType(file)
	var head image.Config
	var err error
	var decode func([]byte) (image.Image, error)
	switch media {
	case "image/png":
		head, err = png.DecodeConfig(bytes.NewReader(file))
		decode = func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) }
	case "image/jpeg":
		head, err = jpeg.DecodeConfig(bytes.NewReader(file))
		decode = func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }
	default:
		return Drawn{}, fmt.Errorf("%w: it is neither PNG nor JPEG", ErrUnfit)
	}
	if err != nil {
		return Drawn{}, fmt.Errorf("%w: it is no %s: %v", ErrUnfit, media, err)
	}
	// Each side first: the product of two sides that a header claims could overflow.
	if head.Width < 1 || head.Height < 1 || head.Width > b.Pixels || head.Height > b.Pixels/head.Width {
		unfit := ErrUnfit
		if int64(head.Width) > 16*int64(b.Pixels)/max(1, int64(head.Height)) {
			unfit = ErrBomb
		}
		return Drawn{}, fmt.Errorf("%w: it has %d × %d pixels, allowed are %d in all", unfit, head.Width, head.Height, b.Pixels)
	}
	full, err := decode(file)
	if err != nil {
		return Drawn{}, fmt.Errorf("%w: it is no %s: %v", ErrUnfit, media, err)
	}
	return encode(full, media, b.Side)
}

func encode(full image.Image, media string, side int) (Drawn, error) {
	drawn := shrink(full, side)
	var out bytes.Buffer
	var err error
	if media == "image/jpeg" {
		err = jpeg.Encode(&out, drawn, &jpeg.Options{Quality: 85})
	} else {
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		err = encoder.Encode(&out, drawn)
	}
	if err != nil {
		return Drawn{}, errors.Join(ErrUnfit, err)
	}
	return Drawn{out.Bytes(), media, drawn.Bounds().Dx(), drawn.Bounds().Dy()}, nil
}

// shrink scales a picture to at most side × side. The scalers of x/image that look at every
// pixel keep 32 bytes for each column made and row read; two steps that need nothing beside
// the pictures look nearly as good: whole pixels averaged, then less than half of the way
// interpolated.
func shrink(full image.Image, side int) *image.RGBA {
	from := image.NewRGBA(image.Rect(0, 0, full.Bounds().Dx(), full.Bounds().Dy()))
	draw.Draw(from, from.Bounds(), full, full.Bounds().Min, draw.Src)
	to := fit(from.Bounds(), side)
	from = average(from, max(1, from.Bounds().Dx()/to.Dx()), max(1, from.Bounds().Dy()/to.Dy()))
	if from.Bounds() == to {
		return from
	}
	drawn := image.NewRGBA(to)
	draw.ApproxBiLinear.Scale(drawn, to, from, from.Bounds(), draw.Src, nil)
	return drawn
}

// average makes one pixel of each nx × ny; what is left over at the right and at the bottom,
// less than one pixel, is cut off.
func average(from *image.RGBA, nx, ny int) *image.RGBA {
	if nx == 1 && ny == 1 {
		return from
	}
	to := image.NewRGBA(image.Rect(0, 0, from.Bounds().Dx()/nx, from.Bounds().Dy()/ny))
	n := uint64(nx) * uint64(ny)
	for y := range to.Bounds().Dy() {
		for x := range to.Bounds().Dx() {
			var sum [4]uint64
			for row := y * ny; row < (y+1)*ny; row++ {
				line := from.Pix[row*from.Stride+x*nx*4:][:nx*4]
				for i, v := range line {
					sum[i&3] += uint64(v)
				}
			}
			for i, v := range sum {
				to.Pix[y*to.Stride+x*4+i] = uint8((v + n/2) / n)
			}
		}
	}
	return to
}
