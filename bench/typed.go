package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/jackfield-host/jackfield/bench/order"
)

const (
	envSchema = "JACKFIELD_BENCH_SCHEMA" // a path: the peer holds payloads to this schema
	envTyped  = "JACKFIELD_BENCH_TYPED"  // the peer's child decodes and encodes orders
)

// jsonSection compares whole hosts that hold JSON to a schema before an extension gets
// it: ours, and one made by hand with the usual library. Both children decode the
// order into the same Go type and answer what they encode of it.
func jsonSection(ctx context.Context, p plan, e *environment, r *report) error {
	jar, err := e.orderJAR(ctx)
	if err != nil {
		return err
	}
	schema, err := requestSchema(jar)
	if err != nil {
		return err
	}
	path := filepath.Join(e.dir, "schema.json")
	if err := os.WriteFile(path, schema, 0o644); err != nil {
		return err
	}
	host, err := startJackfield(ctx, "jackfield", bundles{order.RequestType: jar})
	if err != nil {
		return err
	}
	defer host.stop()
	peer, err := startPeer(ctx, "grpc", envSchema+"="+path, envTyped+"=1")
	if err != nil {
		return err
	}
	defer peer.stop()
	payload, err := order.Payload(kib)
	if err != nil {
		return err
	}
	for _, t := range []*target{host, peer} {
		if err := refusesWrong(ctx, t, payload); err != nil {
			return err
		}
	}
	for _, callers := range p.callers {
		s := shape{Section: "json", Payload: len(payload), Callers: callers}
		c, err := compare(ctx, p.hosts(), s, withOrders(host, payload), withOrders(peer, payload))
		if err != nil {
			return err
		}
		r.Cells = append(r.Cells, c)
	}
	return nil
}

func withOrders(t *target, payload []byte) contestant {
	return contestant{t.name, func(ctx context.Context, s shape, warm, d time.Duration) (slot, error) {
		return t.loadHTTP(ctx, s, func(int) posted {
			return posted{order.RequestType, "application/json", payload, payload}
		}, warm, d)
	}}
}

// refusesWrong makes sure that a host validates: it must refuse an order that differs
// from a good one in a number only, and whose refusal no decoder would think of.
func refusesWrong(_ context.Context, t *target, good []byte) error {
	bad := bytes.Replace(good, []byte(`"priority":3`), []byte(`"priority":99`), 1)
	c, err := dialHTTP(t.addr, 0, posted{order.RequestType, "application/json", bad, bad})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := c.call(); err == nil || !bytes.Contains([]byte(err.Error()), []byte(" 422 ")) {
		return fmt.Errorf("%s does not hold payloads to the schema: %v", t.name, err)
	}
	return nil
}

// requestSchema returns the schema of requests that a bundle declares.
func requestSchema(jar []byte) ([]byte, error) {
	data, err := readEntry(jar, "META-INF/extension/types.json")
	if err != nil {
		return nil, err
	}
	var declared struct {
		Types []struct {
			Name   string
			Schema json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &declared); err != nil {
		return nil, err
	}
	for _, t := range declared.Types {
		if t.Name == order.RequestType {
			return t.Schema, nil
		}
	}
	return nil, errors.New("the bundle of the section json declares no request")
}

// checker compiles a schema and returns what holds a payload to it.
func checker(path string) (func(payload []byte) error, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("order.json", doc); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile("order.json")
	if err != nil {
		return nil, err
	}
	return func(payload []byte) error {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}, nil
}

// takeOrder is what the peer's child does, the same as our extension.
func takeOrder(in message) (message, error) {
	var o order.Order
	if err := json.Unmarshal(in.Payload, &o); err != nil {
		return message{}, err
	}
	payload, err := json.Marshal(o)
	return message{order.ResponseType, "application/json", payload}, err
}
