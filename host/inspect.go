package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// InspectDatabase says whether the home's database is in order; nil when it is, or when
// there is none yet. It changes nothing, and may be called while a host runs, which running
// says. The facts are there in any case.
func (h Home) InspectDatabase(ctx context.Context, running bool) (DatabaseFacts, error) {
	err := state.Inspect(ctx, h.Database(), running)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("inspecting %s: %w", h.Database(), err)
	}
	return h.databaseFacts(), err
}

// Volume is the file system on which a home lies.
type Volume struct {
	Disk
	FreeInodes, TotalInodes uint64 // both 0 where there is no such number
	// NoExec says that programs on it can not be executed, ReadOnly that nothing can be
	// written.
	NoExec, ReadOnly bool
}

// Volume says on what the home lies.
func (h Home) Volume() (Volume, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(string(h), &fs); err != nil {
		return Volume{}, fmt.Errorf("asking for the file system of %s: %w", h, err)
	}
	return Volume{
		Disk: diskOf(string(h)), FreeInodes: fs.Ffree, TotalInodes: fs.Files,
		NoExec: isSet(fs, unix.ST_NOEXEC), ReadOnly: isSet(fs, unix.ST_RDONLY),
	}, nil
}

func isSet(fs unix.Statfs_t, flag int64) bool { return int64(fs.Flags)&flag != 0 }
