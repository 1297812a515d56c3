package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/bench/order"
)

// depth is how many requests of a stream are on their way at once.
const depth = 256

// stream is one connection that carries many requests at once. Messages are named by
// numbers below depth, each used again once it is answered.
type stream interface {
	send(ids []int) error
	receive() (id int, err error)
	Close() error
}

// lines are the requests of a stream, ready to be sent.
type lines struct {
	text    [][]byte // by id, without a line end
	payload [][]byte
}

func linesOf(typ string, payload []byte) *lines {
	l := new(lines)
	for id := range depth {
		l.text = append(l.text, fmt.Appendf(nil, `{"id":"%d","type":"%s","payload":%s}`, id, typ, payload))
		l.payload = append(l.payload, payload)
	}
	return l
}

// answered finds out which request a line answers, and holds the answer to it.
func (l *lines) answered(line []byte) (int, error) {
	_, after, _ := bytes.Cut(line, []byte(`"id":"`))
	number, _, ok := bytes.Cut(after, []byte(`"`))
	id, err := strconv.Atoi(string(number))
	switch {
	case !ok || err != nil || id < 0 || id >= depth:
		return 0, fmt.Errorf("a line without one of our ids: %.300s", line)
	case !bytes.Contains(line, []byte(`"status":200`)):
		return 0, fmt.Errorf("answered %.300s", line)
	case !bytes.Contains(line, l.payload[id]):
		return 0, fmt.Errorf("the answer is not what was sent: %.300s", line)
	}
	return id, nil
}

// spinStream keeps depth requests on their way for d. The times are from when a
// request may be sent to its answer.
func spinStream(st stream, d time.Duration) (*loop, error) {
	begin := time.Now()
	deadline := begin.Add(d)
	free := make(chan int, depth)
	since := make([]time.Time, depth)
	for id := range depth {
		since[id] = begin
		free <- id
	}
	ended := make(chan error, 1)
	go func() { ended <- sendAll(st, free) }()
	result := new(loop)
	var fault error
	for open := depth; open > 0; {
		id, err := st.receive()
		if err != nil {
			fault = err
			break
		}
		now := time.Now()
		result.add(now.Sub(since[id]))
		if now.Before(deadline) {
			since[id] = now
			free <- id
		} else {
			open--
		}
	}
	close(free)
	if err := errors.Join(<-ended, fault); err != nil {
		return nil, err
	}
	result.took = time.Since(begin)
	return result, nil
}

// sendAll sends what is free, all that is at once, until free is closed.
func sendAll(st stream, free <-chan int) error {
	ids := make([]int, 0, depth)
	for id := range free {
		ids = append(ids[:0], id)
		for more := true; more; {
			select {
			case id, more = <-free:
				if more {
					ids = append(ids, id)
				}
			default:
				more = false
			}
		}
		if err := st.send(ids); err != nil {
			return errors.Join(err, st.Close()) // so that receive ends, too
		}
	}
	return nil
}

// batchSection compares a stream of /v1/batch with one request at a time.
func batchSection(ctx context.Context, p plan, e *environment, r *report) error {
	return streamSection(ctx, p, e, r, "batch", func(addr string, l *lines) (stream, error) { return dialBatch(addr, l) })
}

// webSocketSection compares the WebSocket of /v1/connect with one request at a time.
func webSocketSection(ctx context.Context, p plan, e *environment, r *report) error {
	return streamSection(ctx, p, e, r, "ws", func(addr string, l *lines) (stream, error) {
		ws, err := dialWebSocket(addr, "", 64*kib)
		if err != nil {
			return nil, err
		}
		return newSocketStream(ws, l), nil
	})
}

func streamSection(ctx context.Context, p plan, e *environment, r *report, name string,
	dial func(addr string, l *lines) (stream, error),
) error {
	jar, err := e.orderJAR(ctx)
	if err != nil {
		return err
	}
	host, err := startJackfield(ctx, "jackfield", bundles{echoType: e.echoJAR, order.RequestType: jar})
	if err != nil {
		return err
	}
	defer host.stop()
	full, err := order.Payload(kib)
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		what, typ string
		payload   []byte
	}{
		{"unchecked JSON", echoType, fmt.Appendf(nil, `{"text":"%0*d"}`, 100-11, 0)},
		{"unchecked JSON", echoType, full},
		{"validated JSON", order.RequestType, full},
	} {
		ready := linesOf(kind.typ, kind.payload)
		streamed := contestant{name, func(_ context.Context, _ shape, warm, d time.Duration) (slot, error) {
			st, err := dial(host.addr, ready)
			if err != nil {
				return slot{}, err
			}
			defer st.Close()
			return host.measuredBy(func(d time.Duration) (*loop, error) { return spinStream(st, d) }, warm, d)
		}}
		single := contestant{"single", func(ctx context.Context, s shape, warm, d time.Duration) (slot, error) {
			return host.loadHTTP(ctx, s, func(int) posted {
				return posted{kind.typ, "application/json", kind.payload, kind.payload}
			}, warm, d)
		}}
		s := shape{Section: name, What: kind.what, Payload: len(kind.payload), Callers: 1}
		c, err := compare(ctx, p.hosts(), s, streamed, single)
		if err != nil {
			return err
		}
		r.Cells = append(r.Cells, c)
	}
	return nil
}
