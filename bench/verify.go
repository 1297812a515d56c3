package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// verifyResult compares `jackfield bundle verify` with `unzip -t`, which only reads and
// takes a CRC: one ratio of each round, in time and in CPU time.
type verifyResult struct {
	Bytes int       `json:"bytes"` // of the signed bundle
	Time  []float64 `json:"time"`
	CPU   []float64 `json:"cpu"`
}

// verifySection runs both programs in turn on one signed bundle, which holds an
// executable and, to fill it up, what does not compress.
func verifySection(ctx context.Context, p plan, e *environment, r *report) error {
	if _, err := exec.LookPath("unzip"); err != nil {
		return fmt.Errorf("%w\nhint: make test installs it", err)
	}
	program, err := os.ReadFile("bin/jackfield")
	if err != nil {
		return fmt.Errorf("%w\nhint: run make build first", err)
	}
	program = program[:min(len(program), p.bundleBytes)]
	noise := make([]byte, p.bundleBytes-len(bundletest.Deflate(program)))
	if _, err := io.ReadFull(rand.Reader, noise); err != nil {
		return err
	}
	signer := bundletest.NewSigner("bench.example", "examples.hello.HelloExtension", nil)
	jar := signer.Sign(bundletest.Good(bundletest.WithExecutable(program), bundletest.WithFile("data/noise", noise)))
	file, roots := filepath.Join(e.dir, "signed.jar"), filepath.Join(e.dir, "trust")
	if err := os.Mkdir(roots, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(roots, "root.pem"), bundletest.ChainPEM(signer.Root), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(file, jar, 0o644); err != nil {
		return err
	}
	r.Verify = &verifyResult{Bytes: len(jar)}
	for range p.rounds {
		unzip, unzipCPU, err := timed(ctx, "unzip", "-tqq", file)
		if err != nil {
			return err
		}
		verify, verifyCPU, err := timed(ctx, "bin/jackfield", "bundle", "verify", file, "--trust", roots, "--offline")
		if err != nil {
			return err
		}
		r.Verify.Time = append(r.Verify.Time, float64(verify)/float64(unzip))
		r.Verify.CPU = append(r.Verify.CPU, float64(verifyCPU)/float64(max(unzipCPU, time.Millisecond)))
	}
	return nil
}

// timed runs a program to its end and tells how long it took, and its CPU time.
func timed(ctx context.Context, program string, args ...string) (took, cpu time.Duration, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s %q: %w: %s", program, args, err, out.String())
	}
	return time.Since(began), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
