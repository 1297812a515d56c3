package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// slot is one measurement of one host.
type slot struct {
	PerSecond float64       `json:"requests_per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	// CPU is the time that the host and its children spent for one request.
	CPU time.Duration `json:"cpu_per_request_ns"`
}

// load keeps callers connections busy, each with one request at a time, for d.
func load(ctx context.Context, h *target, payload, callers int, d time.Duration) (slot, error) {
	before, err := cpuTime(h.pid)
	if err != nil {
		return slot{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		all   []time.Duration // guarded by mu
		fault error           // guarded by mu
	)
	begin := time.Now()
	for range callers {
		wg.Go(func() {
			times, err := call(ctx, h, payload)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, times...)
			fault = errors.Join(fault, err)
		})
	}
	wg.Wait()
	took := time.Since(begin)
	after, err := cpuTime(h.pid)
	if err != nil || fault != nil {
		return slot{}, errors.Join(err, fault)
	}
	if len(all) == 0 {
		return slot{}, errors.New("not one request was answered")
	}
	slices.Sort(all)
	return slot{
		PerSecond: float64(len(all)) / took.Seconds(),
		P50:       all[len(all)/2], P99: all[len(all)*99/100],
		CPU: (after - before) / time.Duration(len(all)),
	}, nil
}

// call sends the same request again and again over one connection until ctx ends,
// and returns how long each took. Every answer must be 200 with the payload as sent.
func call(ctx context.Context, h *target, payload int) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", h.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	body := bytes.Repeat([]byte{'x'}, payload)
	request := fmt.Appendf(nil, "POST /v1/requests/%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n%s",
		echoType, h.addr, payload, body)
	answer := make([]byte, payload)
	read := bufio.NewReaderSize(conn, 64<<10)
	var times []time.Duration
	for ctx.Err() == nil {
		begin := time.Now()
		if err := conn.SetDeadline(begin.Add(10 * time.Second)); err != nil {
			return nil, err
		}
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		if err := readAnswer(read, answer); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
		if !bytes.Equal(answer, body) {
			return nil, errors.New("the answer differs from the request")
		}
	}
	return times, nil
}

// readAnswer reads one HTTP/1.1 answer with a length, the cheapest way there is: the
// generator shares two cores with what it measures.
func readAnswer(r *bufio.Reader, body []byte) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answered %q", bytes.TrimSpace(status))
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length != len(body) {
		return fmt.Errorf("the answer declares %d bytes, not %d", length, len(body))
	}
	_, err = io.ReadFull(r, body)
	return err
}
