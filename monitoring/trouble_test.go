package monitoring

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// troubled starts three hosts that are, together, in every kind of trouble that an alert
// is about, and busy besides. What goes on does so until the test ends.
func troubled(t *testing.T) (busy, strict, small *aHost) {
	t.Helper()
	listed := catalogue(t)
	busy = start(t, "", files(t, listed), "trust.policy = warn", "limits.memory = 0",
		"repository.good.url = catalogue", "repository.good.root = catalogue.pem", "repository.gone.url = nowhere", "update.auto = minor",
		setting("flaky", "backoff.first = 10ms"), setting("flaky", "backoff.max = 20ms"),
		setting("dead", "backoff.first = 10m"), setting("dead", "backoff.max = 20m"),
		setting("full", "limits.in_flight = 2"), setting("fat", "limits.memory = 512MiB"))
	// It encrypts, for a week yet.
	pair := t.TempDir()
	if out, err := command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "7",
		"-subj", "/CN=localhost", "-out", filepath.Join(pair, "cert.pem"), "-keyout", filepath.Join(pair, "key.pem")); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	strict = start(t, "", map[string][]byte{
		"extensions/unsigned.jar": echo(t, "unsigned"),
		"conf/cert.pem":           read(t, filepath.Join(pair, "cert.pem")), "conf/key.pem": read(t, filepath.Join(pair, "key.pem")),
	}, "trust.policy = require", "tls.cert = conf/cert.pem", "tls.key = conf/key.pem")
	// A disk of 16 MiB, few descriptors, and an extension that takes half an hour to start.
	small = start(t, `mount -t tmpfs -o size=16m,mode=755 tmpfs "$1"; head -c 15M /dev/zero > "$1/filler"; ulimit -n 128`, map[string][]byte{
		"conf/trust/root.pem": root(t), "extensions/hanging.jar": bundletest.Good(named("hanging"), bundletest.WithExecutable(read(t, filepath.Join(programs.dir, "hang")))),
	}, "trust.policy = warn", "timeouts.start = 30m")
	fetcher(t, busy)

	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	t.Cleanup(func() { cancel(); working.Wait() })
	for _, running := range []string{idOf("echo"), idOf("full"), idOf("fat"), idOf("slow"), idOf("flaky"), "examples.notes.NotesExtension", "examples.fetch.FetchExtension"} {
		busy.awaitLine(fmt.Sprintf("jackfield_extension_state{extension=%q,state=\"running\"} 1", running))
	}
	keep := func(typ, payload string, pause time.Duration) {
		working.Go(func() {
			for ctx.Err() == nil {
				busy.post(ctx, typ, payload)
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
		})
	}
	once := func(typ, payload string) {
		if status := busy.post(ctx, typ, payload); status != 200 {
			t.Errorf("%s of %s: status %d", payload, typ, status)
		}
	}
	keep(typeOf("echo"), `{}`, 10*time.Millisecond)
	keep(typeOf("echo"), `{"panic":true}`, 100*time.Millisecond)
	keep(typeOf("flaky"), `{"exit":3}`, 100*time.Millisecond)
	keep(typeOf("full"), `{"sleep_ms":600000}`, time.Second)
	keep(typeOf("full"), `{"sleep_ms":600000}`, time.Second)
	for range 4 {
		keep(typeOf("slow"), `{"sleep_ms":2000}`, 0)
	}
	keep("examples.notes.ListRequest", `{}`, 100*time.Millisecond)
	keep("examples.fetch.FetchRequest", `{"url":"http://`+busy.requests+`/healthz"}`, 100*time.Millisecond)
	once(typeOf("fat"), `{"alloc_mb":475}`)
	once(typeOf("echo"), `{"metrics":"# HELP fine All is.\n# TYPE fine gauge\nfine 1\nnonsense\n"}`)
	once("examples.words.CountRequest", `{"text":"to be or not to be"}`)
	await(t, func() string {
		resp, err := command("curl", "-sS", "http://"+busy.requests+"/v1/projects/p/parameters?locale=fr_CA")
		if err != nil || !strings.Contains(resp, idOf("echo")) {
			return fmt.Sprintf("no parameters: %s %v", resp, err)
		}
		return ""
	})
	working.Go(func() { crowd(ctx, small) })
	working.Go(func() { outdate(ctx, busy, listed) })
	working.Go(func() { // a file that is broken, again and again
		for n := 0; ctx.Err() == nil; n++ {
			_ = os.WriteFile(filepath.Join(busy.home, "extensions", "garbage.jar"), fmt.Appendf(nil, "no archive, for the %d. time", n), 0o644)
			select {
			case <-time.After(2 * time.Second):
			case <-ctx.Done():
			}
		}
	})
	return busy, strict, small
}

// files are the bundles of the busy host, good and bad.
func files(t *testing.T, listed *storetest.Store) map[string][]byte {
	all := map[string][]byte{
		"dead":        bundletest.Good(named("dead")), // a script that ends
		"failed":      bundletest.Good(named("failed"), bundletest.WithExecutable([]byte("no program"))),
		"waiting":     echo(t, "waiting", bundletest.With("extension_requires", idOf("dead")+" >=1")),
		"lonely":      echo(t, "lonely", bundletest.With("extension_requires", "org.nowhere.Extension >=1")),
		"rival":       echo(t, "rival", bundletest.With("extension_request", typeOf("echo"))),
		"unsupported": bundletest.Good(named("unsupported"), bundletest.Without(executable()), bundletest.Without("bin/linux-amd64/extension"), bundletest.WithFile("bin/plan9-386/extension", []byte("x"))),
		"garbage":     []byte("no archive"), "pending": {},
	}
	for _, name := range []string{"echo", "flaky", "full", "slow", "fat", "outdated"} {
		all[name] = echo(t, name)
	}
	for _, name := range []string{"notes", "words", "tracking"} {
		all[name] = read(t, filepath.Join(programs.dir, name+".jar"))
	}
	home := placed(t, listed)
	home["conf/trust/root.pem"] = root(t)
	all["signed"], home["conf/trust/acme.pem"] = signed(t)
	for name, data := range all {
		home["extensions/"+name+".jar"] = data
	}
	return home
}

// catalogue is a repository: a folder, and who vouches for it.
func catalogue(t *testing.T) *storetest.Store {
	s := storetest.New(t)
	s.Publish("org.acme.hello", "1.0", "server")
	return s
}

// placed are the files of a repository in a home.
func placed(t *testing.T, s *storetest.Store) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	files := map[string][]byte{"catalogue.pem": trusttest.PEM(s.Authority.Root.Cert)}
	err := export(t.Context(), s, dir)
	if err == nil {
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				files[filepath.Join("catalogue", strings.TrimPrefix(path, dir))] = read(t, path)
			}
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// export writes the index of a repository into a folder, without the files of releases.
func export(ctx context.Context, s *storetest.Store, dir string) error {
	view, err := store.NewReader(store.ReaderConfig{Source: s, Roots: s.Roots()}).Refresh(ctx)
	if err != nil {
		return err
	}
	return store.ExportDir(ctx, view, dir, store.ExportOptions{})
}

// outdate lists a newer version of an extension of h every few seconds, whose file is not there:
// the host, which updates by itself, fails to do so. It ends with ctx.
func outdate(ctx context.Context, h *aHost, s *storetest.Store) {
	for n := 1; ctx.Err() == nil; n++ {
		l := *s.Publish(idOf("outdated"), fmt.Sprintf("1.1.%d", n), "server")
		l.Publisher.Pin = "" // nobody's, as the version that is installed
		s.Put(&l)
		if export(ctx, s, filepath.Join(h.home, "catalogue")) == nil {
			_, _ = command(programs.jackfield, "ext", "repo", "refresh", "good", "--home", h.home)
		}
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
		}
	}
}

func setting(name, line string) string { return "extension." + idOf(name) + "." + line }

// fetcher gives a host the extension that dials, with the host itself as what it may dial.
func fetcher(t *testing.T, h *aHost) {
	dir := t.TempDir()
	manifest := strings.Replace(string(read(t, "../examples/fetch/manifest.mf")), "net:example.org:443", "net:"+h.requests, 1)
	put(t, filepath.Join(dir, "manifest.mf"), []byte(manifest))
	put(t, filepath.Join(dir, executable()), read(t, filepath.Join(programs.dir, "fetch")))
	must(t, "chmod", "+x", filepath.Join(dir, executable()))
	must(t, programs.jackfield, "bundle", "pack", dir, "--out", filepath.Join(dir, "fetch.jar"))
	put(t, filepath.Join(h.home, "extensions", "fetch.jar"), read(t, filepath.Join(dir, "fetch.jar")))
}

// root is a root that expires in ten days.
func root(t *testing.T) []byte {
	dir := t.TempDir()
	must(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10", "-subj", "/CN=Old Root",
		"-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", filepath.Join(dir, "key.pem"), "-out", filepath.Join(dir, "root.pem"))
	return read(t, filepath.Join(dir, "root.pem"))
}

// signed is a bundle whose signer has ten days left, and the root that vouches for them.
func signed(t *testing.T) (jar, root []byte) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ca := func(args ...string) {
		must(t, programs.jackfield, append([]string{"ca", "--dir", at("ca")}, args...)...)
	}
	ca("init", "--name", "Acme Root", "--no-passphrase", "--key-type", "ecdsa-p256")
	ca("organization", "acme.example", "--name", "Acme", "--no-passphrase", "--key-type", "ecdsa-p256")
	ca("issue", "acme.example/"+idOf("signed"), "--days", "10", "--no-passphrase", "--key-type", "ecdsa-p256", "--key-out", at("key.pem"), "--out", at("chain.pem"))
	put(t, at("signed.jar"), echo(t, "signed"))
	must(t, programs.jackfield, "bundle", "sign", at("signed.jar"), "--key", at("key.pem"), "--chain", at("chain.pem"))
	return read(t, at("signed.jar")), read(t, at("ca/root/certificate.pem"))
}

// crowd wants more connections than a host may have, until ctx ends. Those beyond a thousand,
// far more than there may be, are closed at once: this process has a bound, too.
func crowd(ctx context.Context, h *aHost) {
	for held := 0; ctx.Err() == nil; {
		conn, err := net.DialTimeout("tcp", h.requests, time.Second)
		switch {
		case err != nil:
		case held < 1000:
			held++
			defer conn.Close() // it is held to the end
		default:
			conn.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}
