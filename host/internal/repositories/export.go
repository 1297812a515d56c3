package repositories

import (
	"context"
	"errors"
	"io"

	"github.com/jackfield-host/jackfield/store"
)

// exported is the path of an export. It is opened for each part: whoever brings newer ones
// puts another file there.
type exported string

func (e exported) Timestamp(ctx context.Context, known string) (io.ReadCloser, string, error) {
	tag := ""
	body, err := e.read(func(s *store.ExportSource) (body io.ReadCloser, err error) {
		body, tag, err = s.Timestamp(ctx, known)
		return body, err
	})
	return body, tag, err
}

func (e exported) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	return e.read(func(s *store.ExportSource) (io.ReadCloser, error) { return s.Object(ctx, digest) })
}

func (e exported) File(ctx context.Context, want store.ReleaseFile, offset int64) (io.ReadCloser, error) {
	return e.read(func(s *store.ExportSource) (io.ReadCloser, error) { return s.File(ctx, want, offset) })
}

func (e exported) Icon(ctx context.Context, listing string, icon store.Picture) (io.ReadCloser, error) {
	return e.read(func(s *store.ExportSource) (io.ReadCloser, error) { return s.Icon(ctx, listing, icon) })
}

func (e exported) read(open func(*store.ExportSource) (io.ReadCloser, error)) (io.ReadCloser, error) {
	source, close, err := store.OpenExport(string(e))
	if err != nil {
		return nil, err
	}
	body, err := open(source)
	if err != nil {
		return nil, errors.Join(err, close())
	}
	return both{body, close}, nil
}

// both closes an export with what was read of it.
type both struct {
	io.ReadCloser
	export func() error
}

func (b both) Close() error { return errors.Join(b.ReadCloser.Close(), b.export()) }
