package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// made is an accepted bundle in a test, described by what matters to resolve.
type made struct {
	file, id, version string
	name              string   // default: the id
	requests          []string // default: id + ".Request"
	requires          string
	digest            string // default: file
	age               time.Duration
	earlier, placed   bool
	fault             *refusal
}

func (b made) candidate(t testing.TB) *candidate {
	t.Helper()
	if b.name == "" {
		b.name = b.id
	}
	if b.requests == nil {
		b.requests = []string{b.id + ".Request"}
	}
	if b.digest == "" {
		b.digest = b.file
	}
	text := "Manifest-Version: 1.0\n" +
		"extension_class: test.Main\nextension_request: test.Request\nextension_response: test.Response\n" +
		"extension_id: " + b.id + "\nextension_name: " + b.name + "\nextension_version: " + b.version + "\n"
	if b.requires != "" {
		text += "extension_requires: " + b.requires + "\n"
	}
	m, _, err := bundle.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &candidate{
		file: b.file, digest: b.digest, manifest: m, name: fold(m.Name), requests: b.requests,
		modTime: time.Unix(1_700_000_000, 0).Add(-b.age), earlier: b.earlier, placed: b.placed, fault: b.fault,
	}
}

func TestResolve(t *testing.T) {
	broken := &refusal{event: lifecycle.Unsupport, code: lifecycle.CodeNoExecutable, message: "no executable"}
	tests := []struct {
		name    string
		files   []made
		running map[string]string
		// want is "id=file" for what is desired and "file: state code" for the rest.
		want []string
		// says are parts of the messages and warnings.
		says []string
	}{
		{
			name:  "one file",
			files: []made{{file: "a.jar", id: "a", version: "1"}},
			want:  []string{"a=a.jar"},
		}, {
			name: "the highest version runs",
			files: []made{
				{file: "a-9.jar", id: "a", version: "5.0.9"},
				{file: "a-10.jar", id: "a", version: "5.0.0010"},
				{file: "a-rc.jar", id: "a", version: "5.0.10-rc.1"},
			},
			want: []string{"a=a-10.jar", "a-9.jar: waiting held", "a-rc.jar: waiting held"},
			says: []string{`"a-10.jar" holds version 5.0.0010 of a, which is higher than 5.0.9`},
		}, {
			name:    "the only file runs though it is lower than before",
			files:   []made{{file: "a-1.jar", id: "a", version: "1"}},
			running: map[string]string{"a": "a-2.jar"},
			want:    []string{"a=a-1.jar"},
		}, {
			name: "of equal versions the newest file runs",
			files: []made{
				{file: "a.jar", id: "a", version: "1.0", age: time.Hour},
				{file: "b.jar", id: "a", version: "1"},
			},
			want: []string{"a=b.jar", "a.jar: waiting held"},
			says: []string{`"a.jar" holds the same version 1.0 with other bytes; the newer file, "b.jar", is taken`,
				`"b.jar" holds the same version of a, is newer`},
		}, {
			name: "the same bytes twice change nothing",
			files: []made{
				{file: "a.jar", id: "a", version: "1", digest: "same", age: time.Hour},
				{file: "copy.jar", id: "a", version: "1", digest: "same"},
			},
			want: []string{"a=a.jar", "copy.jar: waiting held"},
			says: []string{`"a.jar" holds the same bytes`},
		}, {
			name: "a copy counts as new as the newest with its bytes",
			files: []made{
				{file: "a.jar", id: "a", version: "1", digest: "same", age: 3 * time.Hour},
				{file: "b.jar", id: "a", version: "1", age: 2 * time.Hour},
				{file: "c.jar", id: "a", version: "1", digest: "same", age: time.Hour},
			},
			want: []string{"a=a.jar", "b.jar: waiting held", "c.jar: waiting held"},
		}, {
			name: "a higher version that cannot run here leaves the lower one",
			files: []made{
				{file: "a-1.jar", id: "a", version: "1"},
				{file: "a-2.jar", id: "a", version: "2", fault: broken},
			},
			want: []string{"a=a-1.jar", "a-2.jar: unsupported no_executable"},
		}, {
			name: "ids that differ in letter case only",
			files: []made{
				{file: "b.jar", id: "org.Maps", version: "1", name: "One"},
				{file: "a.jar", id: "org.maps", version: "1", name: "Two"},
			},
			want: []string{"org.maps=a.jar", "b.jar: conflict id_taken"},
			says: []string{`"a.jar" (org.maps) has the id org.maps, which is the same but for letter case, so "b.jar" (org.Maps) cannot run`},
		}, {
			name: "names that differ in letter case only",
			files: []made{
				{file: "a.jar", id: "a", version: "1", name: "Straße"},
				{file: "b.jar", id: "b", version: "1", name: "STRASSE"},
			},
			want: []string{"a=a.jar", "b.jar: conflict name_taken"},
			says: []string{`"a.jar" (a) has the name "Straße", so "b.jar" (b)`},
		}, {
			name: "names that differ in composition only",
			files: []made{
				{file: "a.jar", id: "a", version: "1", name: "Caf\u00e9"},
				{file: "b.jar", id: "b", version: "1", name: "Cafe\u0301"},
			},
			want: []string{"a=a.jar", "b.jar: conflict name_taken"},
		}, {
			name: "one request type in common",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requests: []string{"x.A", "x.B"}},
				{file: "b.jar", id: "b", version: "1", requests: []string{"x.C", "x.B"}},
			},
			want: []string{"a=a.jar", "b.jar: conflict type_taken"},
			says: []string{"the request type x.B"},
		}, {
			name: "types differ in letter case",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requests: []string{"x.A"}},
				{file: "b.jar", id: "b", version: "1", requests: []string{"x.a"}},
			},
			want: []string{"a=a.jar", "b=b.jar"},
		}, {
			name: "what runs wins a conflict",
			files: []made{
				{file: "a.jar", id: "a", version: "1", name: "Same"},
				{file: "b.jar", id: "b", version: "1", name: "same"},
			},
			running: map[string]string{"b": "b.jar"},
			want:    []string{"b=b.jar", "a.jar: conflict name_taken"},
		}, {
			name: "an upgrade that takes a type of what runs stays behind",
			files: []made{
				{file: "a-1.jar", id: "a", version: "1"},
				{file: "a-2.jar", id: "a", version: "2", requests: []string{"a.Request", "b.Request"}},
				{file: "b.jar", id: "b", version: "1"},
			},
			running: map[string]string{"a": "a-1.jar", "b": "b.jar"},
			want:    []string{"a=a-1.jar", "b=b.jar", "a-2.jar: conflict type_taken"},
		}, {
			name: "the loser is free when the winner does not run",
			files: []made{
				{file: "a.jar", id: "a", version: "1", name: "Same", requires: "gone >=1"},
				{file: "b.jar", id: "b", version: "1", name: "Same"},
			},
			want: []string{"b=b.jar", "a.jar: waiting dependency_missing"},
			says: []string{"requires gone >=1 (not there)"},
		}, {
			name: "overwritten by bytes that cannot run: what ran goes on",
			files: []made{
				{file: "a.jar", id: "a", version: "2", digest: "new", fault: broken},
				{file: "a.jar", id: "a", version: "1", digest: "old", earlier: true},
			},
			running: map[string]string{"a": "old"},
			want:    []string{"a=a.jar", "a.jar: unsupported no_executable"},
		}, {
			name: "being overwritten: a lower version in another file does not come back meanwhile",
			files: []made{
				{file: "a.jar", id: "a", version: "1"},
				{file: "b.jar", id: "a", version: "2", digest: "old", earlier: true, placed: true},
			},
			running: map[string]string{"a": "old"},
			want:    []string{"a=b.jar", "a.jar: waiting held"},
		}, {
			name: "being overwritten: a higher version in another file takes over",
			files: []made{
				{file: "a.jar", id: "a", version: "3"},
				{file: "b.jar", id: "a", version: "2", digest: "old", earlier: true, placed: true},
			},
			running: map[string]string{"a": "old"},
			want:    []string{"a=a.jar"},
		}, {
			name: "removed: a lower version in another file takes over",
			files: []made{
				{file: "a.jar", id: "a", version: "1"},
				{file: "a.jar", id: "a", version: "2", digest: "old", earlier: true},
			},
			running: map[string]string{"a": "old"},
			want:    []string{"a=a.jar"},
		}, {
			name: "overwritten by a lower version: the file is right",
			files: []made{
				{file: "a.jar", id: "a", version: "1", digest: "new"},
				{file: "a.jar", id: "a", version: "2", digest: "old", earlier: true},
			},
			running: map[string]string{"a": "old"},
			want:    []string{"a=a.jar"},
		}, {
			name: "a chain of requirements, in any order of files",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requires: "b >=1"},
				{file: "b.jar", id: "b", version: "1", requires: "c >=1 <2, d =1.0"},
				{file: "c.jar", id: "c", version: "1.9"},
				{file: "d.jar", id: "d", version: "1"},
			},
			want: []string{"a=a.jar", "b=b.jar", "c=c.jar", "d=d.jar"},
		}, {
			name: "each missing requirement is named, with what is there instead",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requires: "b >=2, c >=1, d >0; optional, e >1"},
				{file: "b.jar", id: "b", version: "1.5"},
				{file: "e.jar", id: "e", version: "2", fault: broken},
			},
			want: []string{"b=b.jar", "a.jar: waiting dependency_missing", "e.jar: unsupported no_executable"},
			says: []string{`b >=2 ("b.jar" holds 1.5)`, "c >=1 (not there)", `e >1 ("e.jar" is unsupported: no_executable)`},
		}, {
			name: "an optional requirement never stands in the way",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requires: "b >=2; optional, c >=1; optional"},
				{file: "b.jar", id: "b", version: "1"},
			},
			want: []string{"a=a.jar", "b=b.jar"},
		}, {
			name: "two that require each other, and one that requires them",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requires: "c >0"},
				{file: "b.jar", id: "b", version: "1", requires: "c >0"},
				{file: "c.jar", id: "c", version: "1", requires: "b >0"},
			},
			want: []string{"a.jar: waiting dependency_missing", "b.jar: waiting dependency_cycle", "c.jar: waiting dependency_cycle"},
			says: []string{"b → c → b", `c >0 ("c.jar" is waiting: dependency_cycle)`},
		}, {
			name: "a cycle that an older version does not have",
			files: []made{
				{file: "a-1.jar", id: "a", version: "1"},
				{file: "a-2.jar", id: "a", version: "2", requires: "b >0"},
				{file: "b.jar", id: "b", version: "1", requires: "a >0"},
			},
			want: []string{"a=a-1.jar", "b=b.jar", "a-2.jar: waiting dependency_cycle"},
		}, {
			name: "a newer version that breaks what requires it",
			files: []made{
				{file: "a.jar", id: "a", version: "1", requires: "b <2"},
				{file: "b-1.jar", id: "b", version: "1"},
				{file: "b-2.jar", id: "b", version: "2"},
			},
			running: map[string]string{"a": "a.jar", "b": "b-1.jar"},
			want:    []string{"b=b-2.jar", "a.jar: waiting dependency_missing", "b-1.jar: waiting held"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var candidates []*candidate
			for _, f := range tt.files {
				candidates = append(candidates, f.candidate(t))
			}
			out := resolve(candidates, nil, tt.running)
			got, text := told(out)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s\nreasons:\n%s", strings.Join(got, "\n\t"), strings.Join(tt.want, "\n\t"), text)
			}
			for _, part := range tt.says {
				if !strings.Contains(text, part) {
					t.Errorf("nothing says %q in:\n%s", part, text)
				}
			}
		})
	}
}

// told puts a resolution into words: what became of each file, and all sentences.
func told(out resolution) (list []string, text string) {
	for _, d := range out.desired {
		entry := d.manifest.ID + "=" + d.file
		if d.disabled {
			entry += " disabled"
		}
		list = append(list, entry)
		for _, p := range d.passed {
			list = append(list, fmt.Sprintf("%s passes %s %s %s", d.manifest.ID, p.file, p.manifest.Version, p.digest))
		}
		text += strings.Join(append(slices.Clone(d.warnings), ""), "\n")
	}
	for c, why := range out.refusals {
		list = append(list, fmt.Sprintf("%s: %s %s", c.file, why.state(), why.code))
		text += why.message + "\n"
	}
	slices.Sort(list)
	return list, text
}

// TestResolveIsStable checks on folders of all kinds what must hold for each: nobody
// shares what may not be shared, requirements are met, each file is accounted for,
// and what runs stays when nothing changes.
func TestResolveIsStable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		candidates := randomFolder(t, random)
		running := map[string]string{}
		if seed%2 == 0 { // something ran before
			running = resolve(candidates[:len(candidates)/2], nil, nil).running()
		}
		out := resolve(candidates, nil, running)
		checkResolution(t, seed, candidates, out)
		for id, digest := range running {
			if why := refusedThough(candidates, out, id, digest); why != "" {
				t.Fatalf("seed %d: %s ran and is the best of its id, but lost: %s", seed, id, why)
			}
		}
		again := resolve(candidates, nil, out.running()).running()
		if !maps.Equal(again, out.running()) {
			t.Fatalf("seed %d: resolved to %v, then to %v", seed, out.running(), again)
		}
	}
}

// refusedThough says how what ran lost a conflict, which it must not.
func refusedThough(candidates []*candidate, out resolution, id, digest string) string {
	for _, c := range candidates {
		if c.manifest.ID == id && c.digest == digest {
			if why := out.refusals[c]; why != nil && why.state() == lifecycle.Conflict {
				return why.message
			}
		}
	}
	return ""
}

func randomFolder(t *testing.T, random *rand.Rand) []*candidate {
	var candidates []*candidate
	for i := range 2 + random.IntN(9) {
		b := made{
			file:    fmt.Sprintf("%02d.jar", random.IntN(100)*100+i),
			id:      string(rune('a' + random.IntN(5))),
			version: fmt.Sprint(1 + random.IntN(3)),
			age:     time.Duration(random.IntN(3)) * time.Hour,
		}
		if random.IntN(4) == 0 {
			b.id = strings.ToUpper(b.id)
		}
		b.name = fmt.Sprint("name ", random.IntN(12))
		b.requests = []string{"t." + b.id, fmt.Sprint("t.", random.IntN(15))}
		if random.IntN(3) == 0 {
			if other := string(rune('a' + random.IntN(5))); other != b.id {
				b.requires = fmt.Sprintf("%s >=%d", other, 1+random.IntN(3))
			}
		}
		candidates = append(candidates, b.candidate(t))
	}
	return candidates
}

func checkResolution(t *testing.T, seed uint64, candidates []*candidate, out resolution) {
	t.Helper()
	taken := map[string]string{}
	versions := map[string]bundle.Version{}
	for _, d := range out.desired {
		versions[d.manifest.ID] = d.manifest.Version
		for _, claim := range append([]string{"id " + strings.ToLower(d.manifest.ID), "name " + d.manifest.Name}, d.requests...) {
			if other, ok := taken[claim]; ok && other != d.manifest.ID {
				t.Fatalf("seed %d: %s and %s both have %s", seed, other, d.manifest.ID, claim)
			}
			taken[claim] = d.manifest.ID
		}
	}
	for _, d := range out.desired {
		for _, need := range d.manifest.Requires {
			if v, ok := versions[need.ID]; !ok || !need.Allows(v) {
				t.Fatalf("seed %d: %s runs without %s", seed, d.manifest.ID, need)
			}
		}
	}
	if len(out.desired)+len(out.refusals) != len(candidates) {
		t.Fatalf("seed %d: %d candidates, %d desired and %d refused", seed, len(candidates), len(out.desired), len(out.refusals))
	}
}
