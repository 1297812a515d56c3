package ingest_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"
)

// painted is a PNG with a text chunk's worth of pixels.
func painted(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
