package dial

import (
	"context"
	"errors"
	"log/slog"
	"sync"
)

// Local joins both halves of a dial pair in this process, for tests of extensions.
// Stop ends the pair and waits for what is under way. Where there are no dial pairs
// the Dialer is nil.
func Local(cfg Config, log *slog.Logger) (d *Dialer, stop func(), err error) {
	hostEnd, childFile, err := Pair()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	childEnd, err := connOf(childFile)
	if err != nil {
		_ = hostEnd.Close()
		return nil, nil, err
	}
	d = NewDialer(childEnd)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := Serve(context.Background(), hostEnd, cfg); err != nil {
			log.Error("serving the dial pair", "error", err)
		}
	})
	return d, func() { d.Close(); serving.Wait() }, nil
}
