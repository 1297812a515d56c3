package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

// kit is the extension's executable, compressed once for all bundles: a bundle a
// second is packed beside what is measured.
type kit struct {
	exec    []byte // as it is
	deflate []byte
	crc     uint32
}

// buildKit builds the extension in dir.
func buildKit(ctx context.Context, dir string) (*kit, error) {
	path := filepath.Join(dir, "extension")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./bench/chaos/extension")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the extension: %w\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return newKit(data)
}

func newKit(data []byte) (*kit, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Close())
	return &kit{exec: data, deflate: b.Bytes(), crc: crc32.ChecksumIEEE(data)}, err
}

// parcel is one version of one extension.
type parcel struct {
	name      string // "kills" makes the id chaos.kills.Extension
	version   string
	overlap   bool
	types     string // types.json, "" for none
	requires  string // what its manifest says that it needs, "" for nothing
	behaviour behaviour.Behaviour
}

func idOf(name string) string   { return "chaos." + name + ".Extension" }
func typeOf(name string) string { return "chaos." + name + ".Request" }

// file is the name that an upload gives a bundle in the drop folder.
func (p parcel) file() string { return idOf(p.name) + "-" + p.version + ".jar" }

func (p parcel) manifest() []byte {
	mode := "exclusive"
	if p.overlap {
		mode = "overlap"
	}
	text := fmt.Appendf(nil, `Manifest-Version: 1.0
extension_class: %s
extension_request: %s
extension_response: chaos.%s.Response
extension_name: Chaos %s
extension_version: %s
extension_description: It behaves as its bundle says.
extension_license: Apache-2.0
extension_upgrade: %s
`, idOf(p.name), typeOf(p.name), p.name, p.name, p.version, mode)
	if p.requires != "" {
		text = fmt.Appendf(text, "extension_requires: %s\n", p.requires)
	}
	return text
}

// pack makes the bundle's file.
func (k *kit) pack(p parcel) []byte {
	p.behaviour.Version = p.version
	text, err := json.Marshal(p.behaviour)
	if err != nil {
		panic(err) // a struct of plain fields
	}
	entries := []struct {
		name string
		data []byte
	}{{"META-INF/MANIFEST.MF", p.manifest()}, {behaviour.File, text}}
	if p.types != "" {
		entries = append(entries, struct {
			name string
			data []byte
		}{"META-INF/extension/types.json", []byte(p.types)})
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		add(w, zip.FileHeader{Name: e.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(e.data),
			CompressedSize64: uint64(len(e.data)), UncompressedSize64: uint64(len(e.data))}, e.data)
	}
	add(w, zip.FileHeader{Name: "bin/" + runtime.GOOS + "-" + runtime.GOARCH + "/extension", Method: zip.Deflate, CRC32: k.crc,
		CompressedSize64: uint64(len(k.deflate)), UncompressedSize64: uint64(len(k.exec))}, k.deflate)
	if err := w.Close(); err != nil {
		panic(err) // memory
	}
	return b.Bytes()
}

// add writes an entry whose sizes are known: no descriptor follows it.
func add(w *zip.Writer, h zip.FileHeader, data []byte) {
	to, err := w.CreateRaw(&h)
	if err == nil {
		_, err = to.Write(data)
	}
	if err != nil {
		panic(err) // memory
	}
}

// otherTypes is a types.json that the executable does not report.
func otherTypes(name string) string {
	return fmt.Sprintf(`{"types": [{"name": "chaos.%[1]s.OtherRequest", "role": "request", "extends": "chaos.%[1]s.Request"}]}`, name)
}
