package authority

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// envCrash names the folder in which a copy of this test program works until it is
// killed.
const envCrash = "JACKFIELD_TEST_AUTHORITY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrash); dir != "" {
		if err := workUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// workUntilKilled prints a line for everything that it was given.
func workUntilKilled(dir string) error {
	a, err := Open(dir, Keys{})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		org, err := a.Organization(host)
		if err != nil {
			return err
		}
		issued, err := org.Issue(id, IssueOptions{Kind: keyfile.ECDSAP256})
		if err != nil {
			return err
		}
		serial := SerialText(issued.Chain[0].SerialNumber)
		fmt.Println("issued", serial)
		if i%2 == 0 {
			if _, err := org.Revoke(serial, revocation.Superseded); err != nil {
				return err
			}
			fmt.Println("revoked", serial)
		}
		list, err := org.UpdateCRL(0)
		if err != nil {
			return err
		}
		fmt.Println("list", list.Number)
		added, err := a.AddOrganization(fmt.Sprintf("n%d-%d.example", os.Getpid(), i), quick("New"))
		if err != nil {
			return err
		}
		fmt.Println("organization", added.Name())
		if _, err := a.RenewOrganization(host, 0); err != nil {
			return err
		}
	}
}

// Whatever a process was doing when it was killed: all that it was given is recorded,
// and the next one goes on.
func TestKilledAtAnyMoment(t *testing.T) {
	a, _ := newAuthority(t, "")
	said := map[string][]string{}
	for kill := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envCrash+"="+a.dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		// After another line each time, so after another step.
		for n := 0; lines.Scan(); n++ {
			what, which, _ := strings.Cut(lines.Text(), " ")
			said[what] = append(said[what], which)
			if n == kill {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the process ended by itself: %v", err)
		}
	}
	org, err := a.Organization(host)
	if err != nil {
		t.Fatal(err)
	}
	if len(said["issued"]) < 12 || len(said["revoked"]) == 0 || len(said["list"]) == 0 || len(said["organization"]) == 0 {
		t.Fatalf("too little was done: %v", said)
	}
	for _, serial := range said["issued"] {
		if _, err := org.Record(serial); err != nil {
			t.Errorf("issued and not recorded: %v", err)
		}
	}
	for _, serial := range said["revoked"] {
		if r, err := org.Record(serial); err != nil || r.Revoked == nil {
			t.Errorf("revoked and not recorded: %v, %v", r.Revoked, err)
		}
	}
	for _, name := range said["organization"] {
		added, err := a.Organization(name)
		if err != nil {
			t.Errorf("made and not there: %v", err)
			continue
		}
		issue(t, added, id)
	}
	list, err := org.UpdateCRL(0)
	if err != nil || list.Number.String() <= said["list"][len(said["list"])-1] {
		t.Errorf("list %v after %s, %v", list.Number, said["list"][len(said["list"])-1], err)
	}
	issue(t, org, id)
	private(t, a.dir)
	err = filepath.WalkDir(a.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && (strings.HasPrefix(e.Name(), ".") || filepath.Base(filepath.Dir(path)) == tmpDir) {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// An authority whose root was not made yet is none, and is made.
func TestHalfARoot(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "authority.json"), []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, tmpDir, RootName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Keys{}); code(err) != CodeNotFound {
		t.Errorf("opened: %v", err)
	}
	o := quick("Acme Root")
	o.URL = "http://ca.example"
	if _, err := Init(dir, o); err != nil {
		t.Error(err)
	}
	if _, err := Init(dir, quick("Other")); code(err) != CodeExists {
		t.Errorf("made again: %v", err)
	}
	if a, err := Open(dir, Keys{}); err != nil || a.url != o.URL || a.root.cert.Subject.CommonName != "Acme Root" {
		t.Errorf("%+v, %v", a, err)
	}
}

// What was left half made does not stand in the way.
func TestHalfMade(t *testing.T) {
	a, org := newAuthority(t, "")
	half := a.path(tmpDir, "other.example")
	if err := os.MkdirAll(filepath.Join(half, certificatesDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := makeDir(filepath.Join(org.dir, certificatesDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(org.dir, certificatesDir, ".x.pem123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if hosts, err := a.Organizations(); err != nil || len(hosts) != 1 {
		t.Errorf("organizations %q, %v", hosts, err)
	}
	if _, err := Open(a.dir, Keys{}); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was left half made is there after opening: %v", err)
	}
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AddOrganization("other.example", quick("Other")); err != nil {
		t.Error(err)
	}
	if records, err := org.Records(); err != nil || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
	// But what is not as it was written is named.
	leaf := issue(t, org, id)
	file := filepath.Join(org.dir, certificatesDir, SerialText(leaf.SerialNumber)+".pem")
	if err := os.WriteFile(file, encodePEM(org.cert), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := org.Records(); code(err) != CodeDamaged || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}
