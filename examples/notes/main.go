// Command notes is an extension that keeps notes in the key-value store of its host, and
// has another extension greet who reads them. It shows Setup.KeyValue and Setup.Call:
// both need a permission, which stands in the manifest.
package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

type addRequest struct {
	Text string `json:"text" jsonschema:"minLength=1,maxLength=100000"`
	// Seconds is how long the note is kept, 0 for ever.
	Seconds int `json:"seconds,omitempty" jsonschema:"minimum=0,maximum=31536000"`
}
type addResponse struct {
	Number int `json:"number"`
}

type listRequest struct {
	After int `json:"after,omitempty" jsonschema:"minimum=0"`
}
type listResponse struct {
	Greeting string `json:"greeting,omitempty"`
	Notes    []note `json:"notes"`
	// Next is the after of the next page, 0 for none.
	Next int `json:"next,omitempty"`
}
type note struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
}

// What the extension of examples/hello is asked and answers.
type helloRequest struct {
	Name string `json:"name"`
}
type helloResponse struct {
	Greeting string `json:"greeting"`
}

// notes is the extension.
type notes struct{ setup sdk.Setup }

func (n *notes) Init(_ context.Context, setup sdk.Setup) error {
	n.setup = setup
	return nil
}

func (n *notes) Handlers() []sdk.Handler {
	return []sdk.Handler{
		sdk.Handle("examples.notes.AddRequest", "examples.notes.AddResponse", n.add),
		sdk.Handle("examples.notes.ListRequest", "examples.notes.ListResponse", n.list),
	}
}

// prefix is where the keys of notes begin; the number follows, in the order of the keys.
const prefix = "note/"

func keyOf(number int) string { return fmt.Sprintf("%s%012d", prefix, number) }

// add keeps a note. What the store says, that it is full for one, the client may read.
func (n *notes) add(ctx context.Context, in addRequest) (addResponse, error) {
	// Many may add at once: Update counts each of them.
	var number int
	_, err := sdk.Update(ctx, n.setup.KeyValue, "last", 0, func(last []byte) ([]byte, error) {
		number, _ = strconv.Atoi(string(last)) // nothing, at first, is 0
		number++
		return strconv.AppendInt(nil, int64(number), 10), nil
	})
	if err != nil {
		return addResponse{}, err
	}
	_, err = n.setup.KeyValue.Put(ctx, keyOf(number), []byte(in.Text), time.Duration(in.Seconds)*time.Second)
	return addResponse{Number: number}, err
}

// list shows a page of notes.
func (n *notes) list(ctx context.Context, in listRequest) (listResponse, error) {
	page, err := n.setup.KeyValue.List(ctx, prefix, keyOf(in.After), 0)
	if err != nil {
		return listResponse{}, err
	}
	out := listResponse{Greeting: n.greet(ctx), Notes: []note{}}
	for _, e := range page.Entries {
		number, _ := strconv.Atoi(strings.TrimPrefix(e.Key, prefix))
		out.Notes = append(out.Notes, note{number, string(e.Value)})
	}
	if page.Next != "" {
		out.Next, _ = strconv.Atoi(strings.TrimPrefix(page.Next, prefix))
	}
	return out, nil
}

// greet has the reader greeted. Notes without a greeting are better than none.
func (n *notes) greet(ctx context.Context) string {
	name := sdk.RequestFrom(ctx).Caller.Subject
	if name == "" {
		name = "stranger"
	}
	hello, err := sdk.Call[helloResponse](ctx, n.setup, "examples.hello.HelloRequest", helloRequest{name})
	if err != nil {
		n.setup.Log.WarnContext(ctx, "nobody greets", "error", err)
	}
	return hello.Greeting
}

func main() { serve.Main(&notes{}) }
