package abi_test

import (
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
)

func TestNames(t *testing.T) {
	if !slices.IsSorted(abi.Names()) || len(abi.Names()) != 11 {
		t.Errorf("%q", abi.Names())
	}
	for _, name := range abi.Names() {
		if len(abi.Platforms(name)) == 0 || abi.Library(name, "X") == "" {
			t.Errorf("%s runs on nothing, or has no library", name)
		}
		for _, p := range abi.Platforms(name) {
			if !slices.Contains(abi.Of(p), name) {
				t.Errorf("%s runs on %s, which is %q", name, p, abi.Of(p))
			}
		}
	}
	for ours, want := range map[string][]string{
		"linux-amd64": {"x86_64-linux-gnu"}, "linux-arm64": {"arm64-v8a"}, "windows-amd64": {"x64-windows"},
		"android-arm": {"armeabi", "armeabi-v7a"}, "server": nil, "x86_64-linux-gnu": nil,
	} {
		if got := abi.Of(ours); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", ours, got, want)
		}
	}
	for _, name := range []string{"", "unknown", "linux-amd64", "X86_64-linux-gnu"} {
		if abi.Known(name) || abi.Platforms(name) != nil || abi.Library(name, "X") != "" {
			t.Errorf("%q is one of Jami's", name)
		}
	}
	for name, want := range map[string]string{"x86_64-linux-gnu": "libX.so", "arm64-apple-Darwin": "libX.dylib", "x64-windows": "X.dll"} {
		if got := abi.Library(name, "X"); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestPlace(t *testing.T) {
	const here = "x86_64-linux-gnu"
	for entry, want := range map[string]string{ // "" is left out
		"manifest.json":                     "manifest.json",
		"X.crt":                             "X.crt",
		"data/icon.svg":                     "data/icon.svg",
		"data/so.txt":                       "data/so.txt",
		"lib/" + here + "/libX.so":          "libX.so",
		"lib/" + here + "/libav.so.58":      "libav.so.58",
		"lib/" + here + "/lib_x.so":         "lib_x.so",
		"lib/" + here + "/libfoo-bar.so":    "lib/" + here + "/libfoo-bar.so",
		"lib/" + here + "/libc++_shared.so": "lib/" + here + "/libc++_shared.so",
		"lib/" + here + "/sub/libx.so":      "",
		"lib/arm64-v8a/libX.so":             "",
		"data/" + here + "/x.so":            "x.so", // wherever it is
		"data/models/resource.json":         "",
		"data/model/absolute.tflite":        "",
		"data/icons/x.so.txt":               "",
		"data/models/é.so":                  "data/models/é.so",
		"data/models/xéso":                  "data/models/xéso", // the character between is one byte to Jami
	} {
		got, ok := abi.Place(entry).On(here, entry)
		if ok != (want != "") || got != want {
			t.Errorf("%s: %q %t, want %q", entry, got, ok, want)
		}
	}
}
