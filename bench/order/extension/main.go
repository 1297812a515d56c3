// Command extension is the extension of the benchmark's section json.
package main

import (
	"github.com/jackfield-host/jackfield/bench/order"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

func main() { serve.Main(order.Handlers()) }
