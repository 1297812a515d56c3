// Package order is what the section json sends: a request of a dozen members that
// comes back as it was. Both hosts' children decode and encode it in the same way.
package order

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// The names of the types.
const (
	RequestType  = "bench.order.OrderRequest"
	ResponseType = "bench.order.OrderResponse"
)

// Order is the request and the response.
type Order struct {
	Number   string    `json:"number" jsonschema:"pattern=^[A-Z]{2}-[0-9]{6}$"`
	Customer Customer  `json:"customer"`
	Placed   time.Time `json:"placed"`
	Currency string    `json:"currency" jsonschema:"enum=CAD,enum=EUR,enum=USD"`
	Express  bool      `json:"express"`
	Priority int       `json:"priority" jsonschema:"minimum=0,maximum=9"`
	Discount float64   `json:"discount" jsonschema:"minimum=0,maximum=1"`
	Lines    []Line    `json:"lines" jsonschema:"minItems=1,maxItems=50"`
	Tags     []string  `json:"tags" jsonschema:"maxItems=10,uniqueItems=true"`
	Street   string    `json:"street" jsonschema:"minLength=1,maxLength=100"`
	City     string    `json:"city" jsonschema:"minLength=1,maxLength=100"`
	Note     string    `json:"note,omitempty" jsonschema:"maxLength=1000"`
}

// Customer is who orders.
type Customer struct {
	Name  string `json:"name" jsonschema:"minLength=1,maxLength=100"`
	Email string `json:"email" jsonschema:"maxLength=200"`
}

// Line is one thing that is ordered.
type Line struct {
	Article  string  `json:"article" jsonschema:"minLength=1,maxLength=40"`
	Quantity int     `json:"quantity" jsonschema:"minimum=1,maximum=1000"`
	Price    float64 `json:"price" jsonschema:"minimum=0"`
}

// Handlers answer an order with itself.
func Handlers() sdk.Handlers {
	return sdk.Handlers{sdk.Handle(RequestType, ResponseType, take)}
}

func take(_ context.Context, in Order) (Order, error) { return in, nil }

// Payload returns an order of size bytes of JSON; its note makes up for what is
// missing. Decoded and encoded it is the same bytes.
func Payload(size int) ([]byte, error) {
	o := Order{
		Number: "AB-123456", Customer: Customer{Name: "Ada Example", Email: "ada@example.org"},
		Placed: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Currency: "CAD", Priority: 3, Discount: 0.125,
		Tags: []string{"spring", "fragile", "gift"}, Street: "12 Jackfield Road", City: "Montréal",
	}
	for _, article := range []string{"lamp", "cable", "panel", "switch", "fuse", "bracket"} {
		o.Lines = append(o.Lines, Line{Article: article, Quantity: len(article), Price: 12.5})
	}
	o.Note = "x"
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	for range max(size-len(data), 0) {
		o.Note += "x"
	}
	return json.Marshal(o)
}
