// Package storeserve is the part of `jackfield store` that is the store itself: serve runs
// one, check looks at all that it keeps, backup and recover carry it elsewhere. Commands
// returns them. Nothing else of jackfield reads store.properties.
package storeserve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/properties"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/internal/nearest"
)

const long = `Serve runs a store: it takes files in, checks them, and serves listings and files,
until it is told to stop by SIGTERM or SIGINT. A second signal ends it at once.

All it keeps is in the folder --data (JACKFIELD_STORE_DATA, else ./store-data), which is
made at the first start, with the token of the first administrator in admin-token. Every
key below can stand in store.properties in that folder (base.url=…), in the environment
(JACKFIELD_STORE_BASE_URL=…) or on the command line (--base-url …); the later of the
three wins.`

// Commands are those of the store itself. version is the program's own.
func Commands(version string) []*cobra.Command {
	return []*cobra.Command{newServe(version), newCheck(version), newBackup(version), newRecover()}
}

func newServe(version string) *cobra.Command {
	var f sources
	cmd := &cobra.Command{
		Use: "serve", Short: "run a store", Long: long, Args: cobra.NoArgs,
		Example: `  jackfield store serve --data /srv/store --base-url https://store.example.org --tls-cert cert.pem --tls-key key.pem
  JACKFIELD_STORE_DATABASE=postgres://store@db/store jackfield store serve --blobs 's3://store?endpoint=https://s3.example.org'`,
	}
	f.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := f.load()
		if err != nil {
			return err
		}
		cfg.Version = version
		return serve(cmd.Context(), cfg, cmd.ErrOrStderr())
	}
	return cmd
}

// sources is where a configuration comes from.
type sources struct {
	data   string
	flags  *pflag.FlagSet
	values map[string]*string
}

func (f *sources) addFlags(cmd *cobra.Command) {
	f.flags, f.values = cmd.Flags(), map[string]*string{}
	f.flags.StringVar(&f.data, "data", "", "folder of the store (JACKFIELD_STORE_DATA, else ./store-data)")
	for _, k := range keys() {
		doc := k.doc
		if k.initial != "" {
			doc += fmt.Sprintf(" (default %s)", k.initial)
		}
		f.values[k.name] = f.flags.String(k.flag(), "", doc)
		if k.initial == "false" {
			f.flags.Lookup(k.flag()).NoOptDefVal = "true"
		}
	}
}

// load puts a configuration together. All that is wrong with it is one error.
func (f *sources) load() (*config, error) {
	c := defaults()
	c.Data = storeclient.DataFolder(f.data)
	given, problems := fromFile(filepath.Join(c.Data, "store.properties"))
	for _, k := range keys() {
		if value, ok := os.LookupEnv(k.env()); ok {
			given = append(given, assignment{k.name, value, k.env()})
		}
	}
	problems = append(problems, strangers()...)
	for _, k := range keys() {
		if f.flags.Changed(k.flag()) {
			given = append(given, assignment{k.name, *f.values[k.name], "--" + k.flag()})
		}
	}
	for _, a := range given {
		i := slices.IndexFunc(keys(), func(k key) bool { return k.name == a.key })
		if i < 0 {
			problems = append(problems, a.place+": "+unknown(a.key))
			continue
		}
		if a.key == "database" {
			c.databaseFromFlag = strings.HasPrefix(a.place, "--")
		}
		if err := keys()[i].set(c, a.value); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s: %v", a.place, a.key, err))
		}
	}
	problems = append(problems, c.check()...)
	if len(problems) > 0 {
		return nil, output.Usagef("'jackfield store serve --help' has the keys", "the configuration is wrong:\n%s", strings.Join(problems, "\n"))
	}
	return c, nil
}

// assignment is one key with a value, and where it was found.
type assignment struct{ key, value, place string }

func fromFile(path string) (given []assignment, problems []string) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, []string{"reading the configuration: " + err.Error()}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, properties.Max+1))
	if err != nil {
		return nil, []string{"reading the configuration: " + err.Error()}
	}
	found, faults := properties.Parse(data)
	for _, fault := range faults {
		problems = append(problems, fmt.Sprintf("%s:%d: %v", path, fault.Line, fault.Err))
	}
	first := map[string]int{}
	for _, p := range found {
		place := fmt.Sprintf("%s:%d", path, p.Line)
		if line, twice := first[p.Key]; twice {
			problems = append(problems, fmt.Sprintf("%s: %s stands already in line %d", place, p.Key, line))
			continue
		}
		first[p.Key] = p.Line
		given = append(given, assignment{p.Key, p.Value, place})
	}
	return given, problems
}

// strangers are variables that were probably meant as a key.
func strangers() (problems []string) {
	known := []string{"DATA", "TOKEN"}
	for _, k := range keys() {
		known = append(known, strings.TrimPrefix(k.env(), envPrefix))
	}
	for _, variable := range slices.Sorted(slices.Values(os.Environ())) {
		name, _, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || slices.Contains(known, rest) {
			continue
		}
		for _, k := range known {
			if nearest.Distance(strings.ToLower(rest), strings.ToLower(k)) < 3 {
				problems = append(problems, fmt.Sprintf("%s: no key has this variable; did you mean %s%s?", name, envPrefix, k))
				break
			}
		}
	}
	return problems
}

// unknown says what is wrong with a name that is no key. It does not show the value: a
// mistyped key may hold a secret.
func unknown(name string) string {
	best, least := "", 4
	for _, k := range keys() {
		if d := nearest.Distance(name, k.name); d < least {
			best, least = k.name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("%q is not a key; did you mean %s?", name, best)
	}
	return fmt.Sprintf("%q is not a key", name)
}
