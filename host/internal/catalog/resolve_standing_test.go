package catalog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

func TestResolveWithStanding(t *testing.T) {
	broken := &refusal{event: lifecycle.Unsupport, code: lifecycle.CodeNoExecutable, message: "no executable"}
	a1 := made{file: "a-1.jar", id: "a", version: "1", digest: "d1"}
	a2 := made{file: "a-2.jar", id: "a", version: "2", digest: "d2"}
	a3 := made{file: "a-3.jar", id: "a", version: "3", digest: "d3"}
	shelved1 := made{file: "a-2.jar", id: "a", version: "1", digest: "d1", earlier: true}
	b := made{file: "b.jar", id: "b", version: "1"}
	needy := made{file: "b.jar", id: "b", version: "1", requires: "a >=1"}
	same := func(m made) made { m.name = "Same"; return m }
	without := func(m made) made { m.fault = broken; return m }
	tests := []struct {
		name     string
		files    []made
		standing Standing // of a
		running  map[string]string
		want     []string // as in TestResolve; "a=a.jar disabled", "a passes a-2.jar"
		says     []string
	}{
		{
			name: "a pin holds a version over higher ones", files: []made{a1, a2, a3},
			standing: Standing{Pinned: "d1"},
			want:     []string{"a=a-1.jar", "a-2.jar: waiting held", "a-3.jar: waiting held"},
			says:     []string{"a is pinned at version 1; `jackfield ext unpin a` lets it go"},
		}, {
			name: "a pin from private storage", files: []made{a2, shelved1},
			standing: Standing{Pinned: "d1"},
			want:     []string{"a=a-2.jar", "a-2.jar: waiting held"},
			says:     []string{"a is pinned at version 1;"},
		}, {
			name: "a pin that cannot run lets nothing else run", files: []made{without(a1), a2},
			standing: Standing{Pinned: "d1"},
			want:     []string{"a-1.jar: unsupported no_executable", "a-2.jar: waiting held"},
			says:     []string{"pinned at version 1, which is unsupported: no_executable: no executable; `jackfield ext unpin a`"},
		}, {
			name: "a pin that is nowhere", files: []made{a2},
			standing: Standing{Pinned: "sha256:gone"}, running: map[string]string{"a": "d2"},
			want: []string{"a-2.jar: waiting held"},
			says: []string{"is nowhere any more", "put it back into the folder", "sha256:gone", "`jackfield ext unpin a`"},
		}, {
			name: "a pin that is on its way", files: []made{a2},
			standing: Standing{Pinned: "sha256:far", loading: true},
			want:     []string{"a-2.jar: waiting held"},
			says:     []string{"is being checked"},
		}, {
			name: "a pin that was rejected runs: nothing else may", files: []made{a1, a2},
			standing: Standing{Pinned: "d2", Rejected: []string{"d2"}},
			want:     []string{"a=a-2.jar", "a-1.jar: waiting held"},
		}, {
			name: "who requires what a pin holds back", files: []made{a2, needy},
			standing: Standing{Pinned: "gone"},
			want:     []string{"a-2.jar: waiting held", "b.jar: waiting dependency_missing"},
			says:     []string{`a >=1 ("a-2.jar" is held back: it is pinned at another version)`},
		}, {
			name: "a rejected version is passed over", files: []made{a1, a2},
			standing: Standing{Rejected: []string{"d2"}},
			want:     []string{"a=a-1.jar", "a passes a-2.jar 2 d2"},
		}, {
			name: "a rejected version is passed over for the current one in private storage", files: []made{a2, shelved1},
			standing: Standing{Rejected: []string{"d2"}, Current: "d1"}, running: map[string]string{"a": "d2"},
			want: []string{"a=a-2.jar", "a passes a-2.jar 2 d2"},
		}, {
			name: "what is newer than the rejected is tried", files: []made{a2, a3, shelved1},
			standing: Standing{Rejected: []string{"d2"}, Current: "d1"}, running: map[string]string{"a": "d1"},
			want: []string{"a=a-3.jar", "a passes a-2.jar 2 d2"},
		}, {
			name: "a rejected version runs when nothing else can", files: []made{without(a1), a2},
			standing: Standing{Rejected: []string{"d2"}},
			want:     []string{"a=a-2.jar", "a-1.jar: unsupported no_executable"},
		}, {
			name: "of rejected versions the highest runs when nothing else is there", files: []made{a1, a2},
			standing: Standing{Rejected: []string{"d2", "d1"}},
			want:     []string{"a=a-2.jar", "a-1.jar: waiting held"},
			says:     []string{`version 1 did not take over when it was tried, so "a-2.jar"`},
		}, {
			name: "the current version goes on beside bytes that cannot run", files: []made{without(a2), shelved1},
			standing: Standing{Current: "d1"},
			want:     []string{"a=a-2.jar", "a-2.jar: unsupported no_executable"},
		}, {
			name: "of two earlier ones that runs which ran", files: []made{
				without(a3), shelved1, {file: "a-3.jar", id: "a", version: "0.5", digest: "d0", earlier: true},
			},
			standing: Standing{Current: "d1"}, running: map[string]string{"a": "d0"},
			want: []string{"a=a-3.jar", "a-3.jar: unsupported no_executable"},
		}, {
			name: "disabled", files: []made{a1, a2},
			standing: Standing{Disabled: true}, running: map[string]string{"a": "d2"},
			want: []string{"a=a-2.jar disabled", "a-1.jar: waiting held"},
			says: []string{"is taken instead when the extension is enabled"},
		}, {
			name: "a disabled one takes nothing", files: []made{same(a1), same(b)},
			standing: Standing{Disabled: true}, running: map[string]string{"a": "d1"},
			want: []string{"a=a-1.jar disabled", "b=b.jar"},
		}, {
			name: "enabled again, its name is taken", files: []made{same(a1), same(b)},
			running: map[string]string{"b": "b.jar"},
			want:    []string{"b=b.jar", "a-1.jar: conflict name_taken"},
		}, {
			name: "a disabled one satisfies no requirement", files: []made{a1, needy},
			standing: Standing{Disabled: true}, running: map[string]string{"a": "d1", "b": "b.jar"},
			want: []string{"a=a-1.jar disabled", "b.jar: waiting dependency_missing"},
			says: []string{"requires a >=1 (it is disabled)"},
		}, {
			name: "disabled and pinned", files: []made{a1, a2},
			standing: Standing{Disabled: true, Pinned: "d1"},
			want:     []string{"a=a-1.jar disabled", "a-2.jar: waiting held"},
			says:     []string{"pinned at version 1;"},
		}, {
			name: "disabled, and the best cannot run here", files: []made{a1, without(a2)},
			standing: Standing{Disabled: true},
			want:     []string{"a=a-1.jar disabled", "a-2.jar: unsupported no_executable"},
		}, {
			name: "disabled, and nothing can run here", files: []made{without(a2)},
			standing: Standing{Disabled: true},
			want:     []string{"a-2.jar: unsupported no_executable"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var candidates []*candidate
			for _, f := range tt.files {
				candidates = append(candidates, f.candidate(t))
			}
			standing := map[string]Standing{"a": tt.standing}
			out := resolve(candidates, standing, tt.running)
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
			if again, _ := told(resolve(candidates, standing, out.running())); !slices.Equal(again, got) {
				t.Errorf("then it came to\n\t%s", strings.Join(again, "\n\t"))
			}
		})
	}
}

// TestResolveIsStableWithStanding adds pins, rejected, disabled and current bundles to
// the folders of TestResolveIsStable.
func TestResolveIsStableWithStanding(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 3))
		candidates := randomFolder(t, random)
		standing := randomStanding(random, candidates)
		var running map[string]string
		if seed%2 == 0 { // something ran before, perhaps with another standing
			running = resolve(candidates[:len(candidates)/2], randomStanding(random, candidates), nil).running()
		}
		out := resolve(candidates, standing, running)
		checkChoices(t, seed, candidates, standing, out)
		got, _ := told(out)
		if again, _ := told(resolve(candidates, standing, out.running())); !slices.Equal(again, got) {
			t.Fatalf("seed %d: resolved to %q, then to %q", seed, got, again)
		}
		if len(standing) == 0 {
			checkResolution(t, seed, candidates, out)
		}
	}
}

func randomStanding(random *rand.Rand, candidates []*candidate) map[string]Standing {
	standing := map[string]Standing{}
	for _, c := range candidates {
		st := standing[c.manifest.ID]
		switch random.IntN(8) {
		case 0:
			st.Disabled = true
		case 1:
			st.Pinned = c.digest
		case 2, 3:
			st.Rejected = append(st.Rejected, c.digest)
		case 4:
			c.earlier, st.Current = true, c.digest
		case 5:
			if random.IntN(3) == 0 {
				st.Pinned = "nowhere"
			}
		case 6:
			c.fault = &refusal{event: lifecycle.Reject, code: lifecycle.CodeHostTooOld, message: "too old"}
		}
		standing[c.manifest.ID] = st
	}
	return standing
}

func checkChoices(t *testing.T, seed uint64, candidates []*candidate, standing map[string]Standing, out resolution) {
	t.Helper()
	taken, runs, passed := map[string]string{}, map[string]*candidate{}, 0
	for _, d := range out.desired {
		id := d.manifest.ID
		st := standing[id]
		passed += len(d.passed)
		if d.disabled != st.Disabled || d.fault != nil {
			t.Fatalf("seed %d: %s (%s) is disabled: %t, its fault: %v", seed, id, d.file, d.disabled, d.fault)
		}
		if st.Pinned != "" && d.digest != st.Pinned {
			t.Fatalf("seed %d: %s runs %s and is pinned at %s", seed, id, d.digest, st.Pinned)
		}
		if d.disabled {
			continue
		}
		runs[id] = d.candidate
		for _, claim := range claimsOf(d.candidate) {
			if other, ok := taken[claim]; ok && other != id {
				t.Fatalf("seed %d: %s and %s both have %s", seed, other, id, claim)
			}
			taken[claim] = id
		}
	}
	for id, d := range runs {
		for _, need := range d.manifest.Requires {
			if got := runs[need.ID]; got == nil || !need.Allows(got.manifest.Version) {
				t.Fatalf("seed %d: %s runs without %s", seed, id, need)
			}
		}
		if !slices.Contains(standing[id].Rejected, d.digest) {
			continue
		}
		for _, c := range candidates { // then nothing else of the id could run for sure
			if c.manifest.ID == id && !slices.Contains(standing[id].Rejected, c.digest) && standing[id].Pinned == "" &&
				c.fault == nil && len(c.manifest.Requires) == 0 && !slices.ContainsFunc(claimsOf(c), func(claim string) bool {
				return taken[claim] != "" && taken[claim] != id
			}) {
				t.Fatalf("seed %d: %s runs %s, which was rejected, and %s could run", seed, id, d.file, c.file)
			}
		}
	}
	held := len(out.refusals) + passed
	for _, c := range candidates {
		chosen := slices.ContainsFunc(out.desired, func(d choice) bool { return d.candidate == c })
		if chosen || c.earlier {
			held++
		}
		if why, ok := out.refusals[c]; ok && (why == nil || why.message == "" || why.state() == lifecycle.Pending) {
			t.Fatalf("seed %d: %s is refused without a reason: %+v", seed, c.file, why)
		}
	}
	if held != len(candidates) {
		t.Fatalf("seed %d: %d candidates, %d accounted for", seed, len(candidates), held)
	}
}

func claimsOf(c *candidate) []string {
	return append([]string{"id " + strings.ToLower(c.manifest.ID), "name " + c.manifest.Name}, c.requests...)
}

// TestRowsFollowTheMachine lets a folder and what is remembered of it change at random:
// each row comes from the one before by an event of the machine.
func TestRowsFollowTheMachine(t *testing.T) {
	t.Parallel()
	events := []lifecycle.Event{lifecycle.Copying, lifecycle.Reject, lifecycle.Unsupport, lifecycle.Clash, lifecycle.Lack}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 4))
		c := &Catalog{reasons: map[string]Row{}}
		for range 30 {
			file := fmt.Sprint(random.IntN(4), ".jar")
			before := lifecycle.Pending
			if row, ok := c.reasons[file]; ok {
				before = row.State
			}
			event := events[random.IntN(len(events))]
			now := c.stateAfter(file, event)
			if next, ok := before.On(event); !ok || next != now {
				t.Fatalf("seed %d: %s on %s: %s", seed, before, event, now)
			}
			if want := (&refusal{event: event}).state(); now != want {
				t.Fatalf("seed %d: %s in a new row is %s, in this one %s", seed, event, want, now)
			}
			if random.IntN(5) == 0 {
				delete(c.reasons, file) // it runs, or is gone
			} else {
				c.reasons[file] = Row{File: file, State: now}
			}
		}
		for _, row := range c.reasons {
			if slices.Contains([]lifecycle.State{lifecycle.Starting, lifecycle.Running, lifecycle.Draining, lifecycle.Removed}, row.State) {
				t.Fatalf("seed %d: a row is %s", seed, row.State)
			}
		}
	}
}
