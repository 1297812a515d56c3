package store

import "context"

// Download completes a file of a release as View.Download does, for who has its digest from
// elsewhere than a signed index.
func Download(ctx context.Context, source Source, want ReleaseFile, into Partial, progress func(size int64)) error {
	view := View{reader: NewReader(ReaderConfig{Source: source})}
	return view.Download(ctx, want, into, progress)
}
