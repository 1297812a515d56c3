// Command hello is the smallest extension: one typed request, one answer.
package main

import (
	"context"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

type request struct {
	Name string `json:"name"`
}
type response struct {
	Greeting string `json:"greeting"`
}

func hello(_ context.Context, req request) (response, error) {
	return response{Greeting: "Hello, " + req.Name}, nil
}

func main() {
	serve.Main(sdk.Handlers{sdk.Handle("examples.hello.HelloRequest", "examples.hello.HelloResponse", hello)})
}
