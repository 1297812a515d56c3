package catalog

import (
	"context"
	"path/filepath"

	"github.com/jackfield-host/jackfield/bundle"
)

// Read verifies the private copy of a bundle and returns what it says of itself. It is
// for showing: what is to run comes out of Desired. The error is fs.ErrNotExist when
// there is no copy.
func (c *Catalog) Read(ctx context.Context, digest string) (*bundle.Verified, error) {
	hex := digestHex(digest)
	defer c.shelf.hold(hex)() // it is not collected meanwhile
	dir := filepath.Join(c.shelf.dir, hex)
	f, err := bundle.Open(filepath.Join(dir, jarName), c.shelf.limits)
	if err != nil {
		return nil, own(err)
	}
	defer f.Close()
	v, err := verifyKept(ctx, dir, f)
	return v, own(err)
}
