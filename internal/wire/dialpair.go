package wire

import (
	"context"
	"errors"
	"log/slog"
	"sync"
)

// WithDialer is ext with the DialContext of d, which may be nil, in what Init gets.
func WithDialer(ext Extension, d *Dialer) Extension { return dialling{ext, d} }

// dialling is an Extension whose host dials for it.
type dialling struct {
	Extension
	dialer *Dialer
}

func (e dialling) Init(ctx context.Context, args InitArgs) error {
	args.DialContext = e.dialer.DialContext
	return e.Extension.Init(ctx, args)
}

// PairDials joins both halves of a dial pair in this process, for tests of extensions.
// Stop ends the pair and waits for what is under way. Where there are no dial pairs
// the Dialer is nil.
func PairDials(cfg DialConfig, log *slog.Logger) (d *Dialer, stop func(), err error) {
	hostEnd, childFile, err := dialPair()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	childEnd, err := dialConn(childFile)
	if err != nil {
		_ = hostEnd.Close()
		return nil, nil, err
	}
	d = NewDialer(childEnd)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := ServeDials(context.Background(), hostEnd, cfg); err != nil {
			log.Error("serving the dial pair", "error", err)
		}
	})
	return d, func() { d.Close(); serving.Wait() }, nil
}
