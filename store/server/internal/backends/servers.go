package backends

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// servers are one PostgreSQL, reached through a socket in a folder of its own, and one S3
// server on a free port of the loopback interface.
type servers struct {
	dir                  string
	postgres             *sql.DB // of the database that every cluster has
	endpoint             string
	client               *minio.Client
	accessKey, secretKey string
	life                 io.Closer // the standard input of their keeper: open as long as they are to run
	keeper               *exec.Cmd
}

// StartPostgres starts a PostgreSQL for a program that is no test, with an empty database in
// it, and returns the process above its own. It ends by stop, or with the program.
// Like that of tests it does not wait for disks.
func StartPostgres() (url string, above int, stop func() error, err error) {
	s, err := startServers()
	if err != nil {
		return "", 0, nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return s.url("migrated"), s.keeper.Process.Pid, func() error { return errors.Join(s.postgres.Close(), s.life.Close(), s.keeper.Wait()) }, nil
}

// theServers starts them at the first call, for the whole test binary.
var theServers = func() func(testing.TB) *servers {
	start := sync.OnceValues(startServers)
	return func(t testing.TB) *servers {
		t.Helper()
		s, err := start()
		if err != nil {
			t.Fatalf("starting PostgreSQL and the S3 server: %v", err)
		}
		return s
	}
}()

// keeper owns the servers: a shell that starts them, and stops them and removes their folder
// when its standard input ends, which is when the test binary does, in whatever way.
const keeper = `
dir=$1 pgbin=$2 gateway=$3 port=$4 as=$5
trap '' INT TERM HUP
$as "$pgbin/postgres" -D "$dir/pg" -k "$dir" -c listen_addresses= -c fsync=off -c full_page_writes=off \
	-c synchronous_commit=off -c max_connections=200 -c shared_buffers=64MB -c log_min_messages=warning >"$dir/postgres.log" 2>&1 &
postgres=$!
"$gateway" --quiet --port "127.0.0.1:$port" posix --sidecar "$dir/sidecar" "$dir/buckets" >"$dir/gateway.log" 2>&1 &
gateway=$!
cat >/dev/null
kill -INT $postgres; kill $gateway
wait
rm -rf "$dir"
`

func startServers() (*servers, error) {
	pgbin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	gateway, err := gatewayProgram()
	if err != nil {
		return nil, err
	}
	// The path of a socket has at most 107 bytes, so the folder is not in TMPDIR.
	dir, err := os.MkdirTemp("/tmp", "jackfield-backends-")
	if err != nil {
		return nil, err
	}
	as, err := ordinaryUser(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"buckets", "sidecar"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := initialize(dir, pgbin, as); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &servers{dir: dir, endpoint: "127.0.0.1:" + port, accessKey: rand.Text(), secretKey: rand.Text()}
	cmd := exec.Command("sh", "-c", keeper, "keeper", dir, pgbin, gateway, port, strings.Join(as, " "))
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "ROOT_ACCESS_KEY=" + s.accessKey, "ROOT_SECRET_KEY=" + s.secretKey}
	s.keeper = cmd
	if s.life, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.await(); err != nil {
		logs := s.logs()
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, logs), s.life.Close(), cmd.Wait())
	}
	return s, nil
}

// await connects to both.
func (s *servers) await() (err error) {
	config, err := pgx.ParseConfig(s.url("postgres"))
	if err != nil {
		return err
	}
	s.postgres = stdlib.OpenDB(*config)
	s.client, err = minio.New(s.endpoint, &minio.Options{Creds: credentials.NewStaticV4(s.accessKey, s.secretKey, ""), Region: "us-east-1"})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for {
		one, done := context.WithTimeout(ctx, 5*time.Second)
		_, bucketErr := s.client.ListBuckets(one)
		err := errors.Join(s.postgres.PingContext(one), bucketErr)
		done()
		if err == nil {
			return s.migrate(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the servers: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// migrate makes the database that those of tests are copies of: to copy is quicker.
func (s *servers) migrate(ctx context.Context) error {
	if _, err := s.postgres.ExecContext(ctx, "CREATE DATABASE migrated"); err != nil {
		return err
	}
	db, err := database.Open(ctx, s.url("migrated"), database.Options{})
	if err != nil {
		return err
	}
	return db.Close()
}

func (s *servers) url(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {"jackfield"}}.Encode()
}

// space makes a database and a bucket of one name for a test.
func (s *servers) space(t testing.TB) (name string) {
	t.Helper()
	name = s.create(t, "migrated")
	if err := s.client.MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatalf("making a bucket: %v\n%s", err, s.logs())
	}
	return name
}

// create makes a database that is a copy of another. It goes with the folder of them all: to
// remove each takes longer than to make it.
func (s *servers) create(t testing.TB, template string) (name string) {
	t.Helper()
	name = "t" + strings.ToLower(rand.Text())
	if _, err := s.postgres.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatalf("making a database: %v\n%s", err, s.logs())
	}
	return name
}

// logs are the last lines of both.
func (s *servers) logs() string {
	var b strings.Builder
	for _, name := range []string{"postgres.log", "gateway.log"} {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		fmt.Fprintf(&b, "%s: %v\n%s", name, err, data[max(0, len(data)-4000):])
	}
	return b.String()
}

// initialize makes a cluster.
func initialize(dir, pgbin string, as []string) error {
	args := append(as, filepath.Join(pgbin, "initdb"), "-D", filepath.Join(dir, "pg"), "-U", "jackfield", "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

// ordinaryUser returns the beginning of a command line by which PostgreSQL, which refuses
// root, runs as somebody else, and gives dir to him; nothing where we are not root.
func ordinaryUser(dir string) (as []string, err error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return []string{"setpriv", "--reuid=" + u.Uid, "--regid=" + u.Gid, "--clear-groups"}, os.Chown(dir, uid, gid)
}

// postgresPrograms finds initdb and postgres, which Debian keeps out of PATH.
func postgresPrograms() (dir string, err error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return "", errors.Join(errors.New("there is no PostgreSQL\nhint: scripts/test-needs"), err)
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// gatewayProgram finds the S3 server where scripts/test-needs puts it, above the package
// that is tested.
func gatewayProgram() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			found, err := filepath.Glob(filepath.Join(dir, "dist", "tools", "versitygw*"))
			if len(found) == 0 {
				return "", errors.Join(errors.New("there is no S3 server\nhint: scripts/test-needs"), err)
			}
			return found[len(found)-1], nil
		}
	}
	return "", errors.New("no go.mod is above the test's folder")
}

// freePort returns one that was free a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
