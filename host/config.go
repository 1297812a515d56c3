package host

import (
	"errors"
	"log/slog"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/host/internal/services"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

// Settings are the limits and times of one extension: the keys of the configuration
// that may be written as extension.<id>.<key>.
type Settings struct {
	supervisor.Settings
	// Probation is how long a new version must live until the one before is let go.
	Probation time.Duration
	// KeyValue bounds the extension's key-value store, in bytes.
	KeyValue int64
}

// DefaultSettings returns the settings of an extension of which the configuration
// says nothing.
func DefaultSettings() Settings {
	return Settings{Settings: supervisor.DefaultSettings(), Probation: 30 * time.Second, KeyValue: services.DefaultQuota}
}

// What the configuration may leave unsaid.
const (
	DefaultHoldQueue   = 16384
	DefaultSnapshotMax = 256 << 20
)

// Config is what a Host is made from. Home, Version, Log and Limits are required.
type Config struct {
	// Home is JMAP_HOME. New makes it and its folders when they are missing.
	Home string
	// Version is the host's own version, compared with extension_min_host.
	Version string
	// Log receives everything the host has to say.
	Log *slog.Logger
	// Dev checks responses against their schemas and shows causes in errors.
	Dev bool
	// Validate checks JSON requests against their declared schemas.
	Validate bool
	// Hosts are the names under which clients may address the request listener
	// besides those of its own address; Origins are the web origins allowed to post.
	Hosts, Origins []string
	// Trust says which signatures are asked for.
	Trust Trust
	// RepositorySources are where extensions can be installed from; RepositoryCheck is how
	// often each is looked at, 0 for a day.
	RepositorySources []RepositorySource
	RepositoryCheck   time.Duration
	// AdminToken is the bearer token of the local administrator, the content of
	// conf/admin.token; without one nobody is.
	AdminToken string
	// OpenID says at which OpenID provider people may sign in to the admin page.
	OpenID OpenIDConfig
	// RequestsAuth says who may send requests.
	RequestsAuth RequestsAuth
	// TracingEndpoint is the OTLP/HTTP URL that gets the spans of requests, empty for
	// none; TracingSample is the share of traces that begin here, from 0 to 1.
	TracingEndpoint string
	TracingSample   float64
	// HoldQueue is how many requests of an extension may wait while one version hands
	// over to another, 0 for DefaultHoldQueue.
	HoldQueue int
	// SnapshotMax bounds the copy of a data folder that is made then, 0 for
	// DefaultSnapshotMax.
	SnapshotMax int64
	// RecoverRun lets extensions run whose desired state was lost with the database.
	RecoverRun bool
	// ScanInterval is how often the drop folder is looked at without an event.
	ScanInterval time.Duration
	// Limits bound what a bundle may be.
	Limits bundle.Limits
	// Environ is the environment from which extensions get the few variables that
	// they may see, in the form of os.Environ.
	Environ []string
	// Shim is what Shim has returned, first thing in main. Without it nothing confines
	// extensions. Users are the uids that they get, zero for DefaultUsers.
	Shim  Program
	Users Users
	// Effective is what Host.Settings returns: the keys as they hold, without secrets.
	Effective []Setting
	// Repositories are where extensions are installed from; nil for RepositorySources. Others
	// say that they have changed by RepositoriesChanged.
	Repositories Repositories
	// Updates says which updates come by themselves, and when.
	Updates UpdatePolicy
	// PlanPatience is how long plans wait for what; the zero value stands for defaults.
	PlanPatience PlanPatience
	// Settings returns the settings of one extension; nil means DefaultSettings.
	Settings func(id string) Settings
}

func (c *Config) check() error {
	var errs []error
	if c.Home == "" {
		errs = append(errs, errors.New("home is empty"))
	}
	if _, err := bundle.ParseVersion(c.Version); err != nil {
		errs = append(errs, err)
	}
	if c.Log == nil {
		errs = append(errs, errors.New("no log"))
	}
	if c.Limits.FileBytes <= 0 {
		errs = append(errs, errors.New("no bundle limits"))
	}
	if err := (&edge.Config{Hosts: c.Hosts, Origins: c.Origins}).Check(); err != nil {
		errs = append(errs, err)
	}
	if err := c.Trust.check(); err != nil {
		errs = append(errs, err)
	}
	if err := c.RequestsAuth.check(c.AdminToken); err != nil {
		errs = append(errs, err)
	}
	if err := c.OpenID.check(); err != nil {
		errs = append(errs, err)
	}
	if c.ScanInterval <= 0 {
		c.ScanInterval = 2 * time.Second
	}
	if c.HoldQueue <= 0 {
		c.HoldQueue = DefaultHoldQueue
	}
	if c.SnapshotMax <= 0 {
		c.SnapshotMax = DefaultSnapshotMax
	}
	if c.Settings == nil {
		c.Settings = func(string) Settings { return DefaultSettings() }
	}
	return errors.Join(errs...)
}
