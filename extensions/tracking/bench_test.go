package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkReport reports 100 positions of 100 devices at a time, each durable.
func BenchmarkReport(b *testing.B) {
	folder := b.TempDir()
	f := newFixture(b, folder, "")
	reported := 0
	for b.Loop() {
		f.clock.Add(int64(time.Second))
		mustAsk[reportResponse](f, "ReportPositions", fleet(100, time.Duration(reported)*time.Second))
		reported++
	}
	if info, err := os.Stat(filepath.Join(folder, historyFile)); err == nil {
		b.ReportMetric(float64(info.Size())/float64(100*reported), "disk-B/position")
	}
}

// BenchmarkCurrentPositions asks for all of 10 000 devices.
func BenchmarkCurrentPositions(b *testing.B) {
	f := newFixture(b, b.TempDir(), "")
	mustAsk[reportResponse](f, "ReportPositions", fleet(10_000, 0))
	for b.Loop() {
		response, err := f.ask("CurrentPositions", `{}`)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(response.Payload)))
	}
}

// BenchmarkTrack asks for a track of 10 000 positions, simplified.
func BenchmarkTrack(b *testing.B) {
	f := newFixture(b, b.TempDir(), "")
	positions := make([]string, 10_000)
	for i := range positions {
		positions[i] = at("d", time.Duration(i-10_000)*time.Second, float64(i)/5000, float64(i%100)/10_000)
	}
	f.accept(positions...)
	for b.Loop() {
		if _, err := f.ask("Track", strings.Replace(trackOf("d", -24*time.Hour, 0), "{", `{"simplify_m":10,`, 1)); err != nil {
			b.Fatal(err)
		}
	}
}

// fleet is a report of as many devices, some time after noon.
func fleet(devices int, after time.Duration) string {
	positions := make([]string, devices)
	for i := range positions {
		positions[i] = at(fmt.Sprintf("vehicle-%05d", i), after, -73+float64(i)/10_000, 45+after.Seconds()/1e6) + `,"speed":13.9,"heading":270`
	}
	return reports(positions...)
}

// BenchmarkReportOne has many devices report one position each, at once.
func BenchmarkReportOne(b *testing.B) {
	f := newFixture(b, b.TempDir(), "")
	var reported atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := reported.Add(1)
			mustAsk[reportResponse](f, "ReportPositions", reports(at(fmt.Sprintf("vehicle-%05d", n%10_000), time.Duration(-n)*time.Second/10, 1, 2)))
		}
	})
}
