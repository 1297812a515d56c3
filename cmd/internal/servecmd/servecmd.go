// Package servecmd is `jackfield serve`: it puts the configuration together, opens
// both listeners, runs the host and stops everything in order.
//
// New returns the command. Load returns the configuration alone. Nothing else of
// jackfield reads the properties file, the JACKFIELD_ variables or these flags.
package servecmd

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

const long = `Serve runs the host: it launches the extensions whose bundles lie in the drop
folder (HOME/extensions) and answers requests until it is told to stop by SIGTERM
or SIGINT. A second signal ends it at once.

Every key below can stand in HOME/conf/jackfield.properties (requests.auth=none),
in the environment (JACKFIELD_REQUESTS_AUTH=none) or on the command line
(--requests-auth=none); the later of the three wins. The keys limits.*, timeouts.*,
check.*, backoff.*, sandbox and log.level can also be set for one extension, as
extension.<id>.<key>: in the file, with --set, or as a line of the variable
JACKFIELD_PROPERTIES.

Repositories, from which extensions are installed, are keys of the same places:
repository.<name>.url, .root, .kind, .priority, .enabled and .allow_unsigned;
docs/repositories.md has them.`

// New returns the command. version is the host's own, program what host.Shim returned.
func New(version string, program host.Program) *cobra.Command {
	var home string
	var dev bool
	var recovery string
	var set []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "run the host",
		Long:  long,
		Args:  cobra.NoArgs,
		Example: `  jackfield serve --home /srv/jmap
  jackfield serve --listen 127.0.0.1:0 --set extension.org.example.Slow.timeouts.request=2m`,
	}
	flags := cmd.Flags()
	flags.StringVar(&home, "home", "", "home folder (JMAP_HOME, else ./jmap-home)")
	flags.BoolVar(&dev, "dev", false, "for developers: let unsigned bundles run, marked; check responses against their schemas, show causes in errors")
	flags.StringVar(&recovery, "recover", "stop", "what to do with extensions whose desired state was lost with the database: stop until they are enabled, or run")
	flags.StringArrayVar(&set, "set", nil, "set any key, as KEY=VALUE; may be repeated")
	values := keyFlags(flags)

	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := keepSecrets(); err != nil { // before anything is read that is one
			return err
		}
		given, err := givenFlags(flags, values, set)
		if err != nil {
			return err
		}
		dir := running.Home(home)
		cfg, err := Load(Sources{File: dir.Properties(), Environ: os.Environ(), Flags: given})
		if err != nil {
			return err
		}
		cfg.Home, cfg.Dev = string(dir), dev
		if recovery != "stop" && recovery != "run" {
			return output.Usagef("write --recover=run, or leave it away", "--recover is stop or run, not %q", recovery)
		}
		cfg.RecoverRun = recovery == "run"
		return serve(cmd.Context(), cfg, version, program, cmd.ErrOrStderr())
	}
	return cmd
}

// keyFlags adds a flag for every key and returns where their values will be.
func keyFlags(flags *pflag.FlagSet) map[string]*string {
	values := map[string]*string{}
	for _, k := range keys() {
		doc := k.doc
		if k.initial != "" {
			doc += fmt.Sprintf(" (default %s)", k.initial)
		}
		values[k.name] = flags.String(k.flag(), "", doc)
		flag := flags.Lookup(k.flag())
		flag.Value = keyValue{values[k.name]}
		if k.allowed == boolean().allowed {
			flag.NoOptDefVal = "true"
		}
	}
	return values
}

// keyValue keeps the text of a flag: it is judged with all the others, by Load.
type keyValue struct{ text *string }

func (v keyValue) String() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}
func (v keyValue) Set(s string) error { *v.text = s; return nil }
func (v keyValue) Type() string       { return "value" }

// givenFlags returns the keys that the command line sets.
func givenFlags(flags *pflag.FlagSet, values map[string]*string, set []string) ([]assignment, error) {
	var given []assignment
	for _, k := range keys() {
		if flags.Changed(k.flag()) {
			given = append(given, assignment{k.name, *values[k.name], "--" + k.flag()})
		}
	}
	for _, s := range set {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, output.Usagef("write --set limits.queue=2048, for example", "--set takes KEY=VALUE")
		}
		given = append(given, assignment{strings.TrimSpace(name), strings.TrimSpace(value), "--set"})
	}
	return given, nil
}
