package main

import "context"

// stopAll stops what a section has started.
type stopAll []func()

func (s *stopAll) stop() {
	for _, stop := range *s {
		stop()
	}
}

// httpSection compares whole hosts with opaque payloads.
func httpSection(ctx context.Context, p plan, e *environment, r *report) error {
	var running stopAll
	defer running.stop()
	host, err := startJackfield(ctx, "jackfield", bundles{echoType: e.echoJAR})
	if err != nil {
		return err
	}
	running = append(running, host.stop)
	all := []contestant{overHTTP(host)}
	for _, variant := range []string{"raw", "netrpc", "grpc"} {
		peer, err := startPeer(ctx, variant)
		if err != nil {
			return err
		}
		running = append(running, peer.stop)
		all = append(all, overHTTP(peer))
	}
	for _, s := range p.shapes("http") {
		c, err := compare(ctx, p.hosts(), s, all...)
		if err != nil {
			return err
		}
		r.Cells = append(r.Cells, c)
	}
	return nil
}
