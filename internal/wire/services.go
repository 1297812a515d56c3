package wire

import (
	"context"
	"errors"
	"fmt"
	"math"

	"google.golang.org/grpc"

	extensionv1 "github.com/jackfield-host/jackfield/internal/gen/extension/v1"
	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// serviceErrors is how the errors of services cross the wire.
func serviceErrors() service.Errors { return service.Errors{To: errorTo, From: errorFrom} }

// Offer says what the extension may ask of its host, and who answers. It is called
// before Describe, which opens the way for it. Errors of cfg are filled in.
func (c *Child) Offer(cfg service.Config) {
	cfg.Errors = serviceErrors()
	c.offer = &cfg
}

// services is one stream of services, as the host sees it.
type services struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when nothing is under way any more
}

// close ends the stream and what is under way.
func (s *services) close() {
	s.cancel()
	<-s.done
}

// maxAsk bounds one ask, whose payload is a request or a value.
func (c *Child) maxAsk() int { return max(c.max, sdk.MaxValueBytes) + overhead }

// openServices begins to answer what the extension asks, unless nothing is offered or
// it is done already.
func (c *Child) openServices() error {
	if c.offer == nil || c.serving != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := c.client.Services(ctx, grpc.MaxCallRecvMsgSize(c.maxAsk()), grpc.MaxCallSendMsgSize(math.MaxInt32))
	if err != nil {
		cancel()
		return sdk.Errorf(sdk.Unavailable, "opening the stream of services: %s", bounded(err.Error(), 500))
	}
	s := &services{cancel: cancel, done: make(chan struct{})}
	c.serving = s
	go func() {
		defer close(s.done)
		defer cancel()
		err := service.Serve(ctx, stream, *c.offer)
		var format *service.FormatError
		switch {
		case errors.As(err, &format):
			c.offer.Log.Warn("an extension gets no more services: rebuild it with this host's SDK", "err", err)
		case err != nil:
			c.offer.Log.Debug("the stream of services has ended", "err", err)
		}
	}()
	return nil
}

// Services is the child half of the stream.
func (s *server) Services(stream grpc.BidiStreamingServer[extensionv1.ServiceAnswer, extensionv1.ServiceAsk]) error {
	if err := s.services.Serve(stream); err != nil {
		return fmt.Errorf("services: %w", err)
	}
	return nil
}
