package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/host/internal/services"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// attempts is how often Create begins again because versions changed meanwhile.
const attempts = 5

// Create writes a backup of src to a new file at path, which only its owner may read. It
// has its name when it is whole and on the disk; until then it is in the folder
// <path>.incomplete-<digits>, which a process that was killed leaves behind.
func Create(ctx context.Context, path string, src Source) (m *Manifest, err error) {
	scratch, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".incomplete-")
	if err != nil {
		return nil, unwritable(path, err)
	}
	defer func() { err = both(err, os.RemoveAll(scratch)) }()
	if _, err := os.Lstat(path); err == nil {
		return nil, exists(path)
	}
	temp := filepath.Join(scratch, "backup")
	for try := 1; ; try++ {
		m, err = createOnce(ctx, temp, scratch, src)
		if CodeOf(err) != CodeChanged || try == attempts {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) { // unlike a rename it replaces nothing
		return nil, exists(path)
	} else if err != nil {
		return nil, unwritable(path, err)
	}
	return m, syncDir(filepath.Dir(path))
}

func exists(path string) error {
	return fault(CodeExists, nil, "choose another name, or remove it first", "%s is there already", path)
}

func unwritable(path string, err error) error {
	return fault(CodeUnreadable, err, "", "writing %s", path)
}

func createOnce(ctx context.Context, temp, scratch string, src Source) (m *Manifest, err error) {
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, unwritable(temp, err)
	}
	defer func() { err = both(err, f.Close()) }()
	if m, err = write(ctx, f, scratch, src); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, unwritable(temp, err)
	}
	return m, nil
}

// Write writes a backup of src to w. What was written before an error is incomplete, and
// is refused by Restore. CodeChanged says that another try may succeed. Copies of the
// databases lie in a folder of os.TempDir meanwhile.
func Write(ctx context.Context, w io.Writer, src Source) (m *Manifest, err error) {
	scratch, err := os.MkdirTemp("", "jackfield-backup-")
	if err != nil {
		return nil, fault(CodeUnreadable, err, "set TMPDIR to a folder that can be written to", "making a folder for copies of the databases")
	}
	defer func() { err = both(err, os.RemoveAll(scratch)) }()
	return write(ctx, w, scratch, src)
}

// writing is a backup that is being written.
type writing struct {
	src      Source
	home     host.Home
	scratch  string
	owner    int // of the home
	archive  *archive
	manifest *Manifest
}

func write(ctx context.Context, w io.Writer, scratch string, src Source) (*Manifest, error) {
	home, err := filepath.Abs(string(src.Home))
	if err != nil {
		return nil, err
	}
	b := &writing{src: src, home: host.Home(home), scratch: scratch, archive: newArchive(w)}
	owner, err := os.Stat(home)
	if err == nil {
		_, err = os.Stat(b.home.Database())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault(CodeNoHome, nil, "name the home with --home", "%s is no home of Jackfield: there is no data/jackfield.db", home)
	case err != nil:
		return nil, fault(CodeUnreadable, err, "run this as root, or as the user of the host", "reading the home")
	}
	b.owner, _ = ownersOf(owner)
	if b.src.Now == nil {
		b.src.Now = time.Now
	}
	return b.manifest, b.all(ctx)
}

// all writes everything, in this order: the database first, so that whatever else there
// is is as new as what it says, or newer.
func (b *writing) all(ctx context.Context) error {
	database := filepath.Join(b.scratch, "jackfield.db")
	form, err := b.snapshot(ctx, database)
	if err != nil {
		return err
	}
	defer os.Remove(database) // with the folder otherwise, at the end
	before, err := state.Standings(ctx, database)
	if err != nil {
		return err
	}
	b.manifest = &Manifest{
		Header:         Header{Format: format, Version: b.src.Version, Created: b.src.Now().UTC().Truncate(time.Second), Database: form},
		WithoutSecrets: b.src.WithoutSecrets, WithoutData: b.src.WithoutData,
	}
	if err := b.archive.json(headerName, maxHeader, b.manifest.Header); err != nil {
		return err
	}
	if err := b.folders(ctx, database, before); err != nil {
		return err
	}
	if b.src.between != nil {
		b.src.between()
	}
	after, err := state.Standings(ctx, b.home.Database())
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return changed("of " + firstChange(before, after))
	}
	b.manifest.Files = b.archive.files
	if err := b.archive.json(manifestName, maxManifest, b.manifest); err != nil {
		return err
	}
	return b.archive.close()
}

// snapshot copies the database; one that is gone before it was copied is no home.
func (b *writing) snapshot(ctx context.Context, to string) (int, error) {
	form, err := state.Snapshot(ctx, b.home.Database(), to)
	if err != nil {
		return 0, fault(CodeUnreadable, err, "", "the database cannot be backed up")
	}
	return form, nil
}

func changed(what string) error {
	return fault(CodeChanged, nil, "try again when nobody installs, enables or removes anything",
		"versions changed while the backup was made: those %s", what)
}

// firstChange is an id whose standing differs.
func firstChange(before, after map[string]state.Standing) string {
	for _, ids := range []map[string]state.Standing{before, after} {
		for id := range ids {
			if !reflect.DeepEqual(before[id], after[id]) {
				return id
			}
		}
	}
	return ""
}

// folders writes what lies in the home, with the copy of the database.
func (b *writing) folders(ctx context.Context, database string, standings map[string]state.Standing) error {
	if err := b.conf(ctx); err != nil {
		return err
	}
	if err := b.folder(ctx, "data", filepath.Join(string(b.home), "data")); err != nil {
		return err
	}
	if err := b.file(ctx, "data/jackfield.db", database); err != nil {
		return err
	}
	if err := b.bundles(ctx, standings); err != nil {
		return err
	}
	if err := b.stores(ctx); err != nil {
		return err
	}
	if !b.src.WithoutData {
		if err := b.data(ctx); err != nil {
			return err
		}
	}
	for _, t := range []tree{
		{at: "data/trust", dir: b.home.TrustCache()},
		{at: "extensions", dir: b.home.Extensions()},
		{at: "jmapadmin", dir: filepath.Dir(b.home.Pages())},
	} {
		if _, err := b.tree(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// conf writes the configuration. Links in it are followed: administrators make them.
func (b *writing) conf(ctx context.Context) error {
	t := tree{at: "conf", dir: b.home.Conf(), follow: true}
	if b.src.WithoutSecrets {
		t.keep = func(name string) bool {
			return name == filepath.Base(b.home.Properties()) || name == "trust" || strings.HasPrefix(name, "trust/")
		}
	}
	_, err := b.tree(ctx, t)
	return err
}

// bundles writes the private copies of the versions that the database speaks of. They
// never change; one may go, with the version.
func (b *writing) bundles(ctx context.Context, standings map[string]state.Standing) error {
	if err := b.folder(ctx, "data/bundles", b.home.Bundles()); err != nil {
		return err
	}
	digests := map[string]bool{}
	for _, s := range standings {
		for _, digest := range append([]string{s.Current, s.Pinned}, s.Kept...) {
			if digest != "" {
				digests[strings.TrimPrefix(digest, "sha256:")] = true
			}
		}
	}
	for _, digest := range sorted(digests) {
		dir := filepath.Join(b.home.Bundles(), digest)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			b.skip("data/bundles/"+digest, "the database speaks of it, and it is not there")
			continue // a loss of before; one of now is seen by the second look
		}
		same, err := b.tree(ctx, tree{at: "data/bundles/" + digest, dir: dir})
		if err != nil {
			return err
		}
		if !same {
			return changed("whose private copy is " + digest)
		}
	}
	return nil
}

// stores writes copies of the key-value stores.
func (b *writing) stores(ctx context.Context) error {
	all := filepath.Dir(b.home.KeyValue("x"))
	ids, err := b.list(ctx, "data/kv", all)
	if err != nil {
		return err
	}
	for _, id := range ids {
		temp := filepath.Join(b.scratch, "kv.db")
		form, err := services.SnapshotStore(ctx, b.home.KeyValue(id), temp)
		at := "data/kv/" + id
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist):
			continue // it has none, or none any more
		case err != nil:
			b.skip(at+"/kv.db", err.Error())
			continue
		}
		b.manifest.KeyValue = max(b.manifest.KeyValue, form)
		if err := b.folder(ctx, at, b.home.KeyValue(id)); err != nil {
			return err
		}
		if err := b.file(ctx, at+"/kv.db", temp); err != nil {
			return err
		}
		if err := os.Remove(temp); err != nil {
			return err
		}
	}
	return nil
}

// data writes the data folders of extensions, and the copies that upgrades made of them.
func (b *writing) data(ctx context.Context) error {
	ids, err := b.list(ctx, "data/extensions", filepath.Dir(b.home.Data("x")))
	if err != nil {
		return err
	}
	still := map[string]bool{}
	for _, id := range ids {
		still[id], err = b.tree(ctx, tree{
			at: "data/extensions/" + id, dir: b.home.Data(id),
			keep: func(name string) bool { return name != "tmp" && !strings.HasPrefix(name, "tmp/") }, // temporary files
		})
		if err != nil {
			return err
		}
	}
	copies, err := b.list(ctx, "data/snapshots", filepath.Dir(b.home.Snapshots("x")))
	if err != nil {
		return err
	}
	for _, id := range copies {
		same, err := b.tree(ctx, tree{
			at: "data/snapshots/" + id, dir: b.home.Snapshots(id),
			keep: func(name string) bool { return !strings.HasPrefix(name, ".") }, // what is being made
		})
		if err != nil {
			return err
		}
		was, known := still[id]
		still[id] = same && (was || !known)
	}
	for id, same := range still {
		if !same {
			b.manifest.Changed = append(b.manifest.Changed, id)
		}
	}
	slices.Sort(b.manifest.Changed)
	return nil
}

// skip notes that something is not in the backup; how much an extension has that cannot
// be is its own affair.
func (b *writing) skip(path, why string) {
	switch n := len(b.manifest.Skipped); {
	case n == maxSkipped:
		path, why = "…", "there is more that was left out"
	case n > maxSkipped:
		return
	}
	b.manifest.Skipped = append(b.manifest.Skipped, Skipped{Path: strings.ToValidUTF8(path, "\uFFFD"), Why: why})
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("making a change of %s durable: %w", path, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
