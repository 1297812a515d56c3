package backup

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/host/internal/services"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// ofVersions writes the copy of the database, and what the versions that it names have
// written.
func (b *writing) ofVersions(ctx context.Context, database string) error {
	if err := b.folder(ctx, "data", filepath.Join(string(b.home), "data")); err != nil {
		return err
	}
	if err := b.file(ctx, "data/jackfield.db", database); err != nil {
		return err
	}
	if err := b.stores(ctx); err != nil {
		return err
	}
	if b.src.WithoutData {
		return nil
	}
	return b.data(ctx)
}

// folders writes everything else that lies in the home.
func (b *writing) folders(ctx context.Context, standings map[string]state.Standing) error {
	if err := b.bundles(ctx, standings); err != nil {
		return err
	}
	if err := b.conf(ctx); err != nil {
		return err
	}
	for _, t := range []tree{
		{at: "data/trust", dir: b.home.TrustCache()},
		{at: "data/repositories", dir: b.home.Repositories(), keep: seenOfRepositories},
		{at: "extensions", dir: b.home.Extensions()},
		{at: "jmapadmin", dir: filepath.Dir(b.home.Pages())},
	} {
		if _, err := b.tree(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// seenOfRepositories keeps what was seen of each repository, without which an old catalogue
// would pass, and leaves what can be read again.
func seenOfRepositories(name string) bool {
	folder, file, inside := strings.Cut(name, "/")
	return folder != "" && (!inside || file == "known.json" || file == "contents.json")
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
	for _, digest := range sorted(namedBy(standings)) {
		dir := filepath.Join(b.home.Bundles(), digest)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			now, err := state.Standings(ctx, b.home.Database())
			if err != nil {
				return err
			}
			if !namedBy(now)[digest] {
				return changed("whose private copy was " + digest)
			}
			b.skip("data/bundles/"+digest, "the database speaks of it, and it is not there")
			continue // a loss of before
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

// namedBy are the digests, without their prefix, of the versions that somebody may want.
func namedBy(standings map[string]state.Standing) map[string]bool {
	digests := map[string]bool{}
	for _, s := range standings {
		for _, digest := range append([]string{s.Current, s.Pinned}, s.Kept...) {
			if digest != "" {
				digests[strings.TrimPrefix(digest, "sha256:")] = true
			}
		}
	}
	return digests
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
