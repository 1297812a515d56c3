package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestInputIsStable resolves random folders with random memories, from real bundles:
// what came of it, taken as what runs, comes to the same again; what was healthy last
// goes on wherever a file of its id is; and what has no file is not there.
func TestInputIsStable(t *testing.T) {
	t.Parallel()
	r := newHome(t).run()
	r.runs()
	var bundles []*accepted
	known := map[string]*accepted{}
	for _, id := range []string{"a", "b", "c"} {
		for version := range 4 {
			data := parcelBytes(id, fmt.Sprint(version), 0)
			if version == 3 {
				data = cannotRun(id, "3")
			}
			a := r.upload(data).accepted
			bundles = append(bundles, a)
			known[a.digest] = a
		}
	}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 5))
		in := randomInput(random, bundles, known)
		running, entries := outcomeOf(in)
		places := in.places()
		for id, st := range in.standing {
			current, there := known[st.Current], len(places[id]) > 0 || in.blind
			if there && current != nil && current.fault == nil && st.Pinned == "" && !entries[id] {
				t.Fatalf("seed %d: %s was healthy last and is not there: %+v", seed, id, in)
			}
			if !there && entries[id] && !slices.ContainsFunc(in.files, func(f holding) bool {
				return f.earlier != nil && f.earlier.manifest().ID == id
			}) {
				t.Fatalf("seed %d: %s has no file and is there: %+v", seed, id, in)
			}
			if st.loading && running[id] != in.running[id] && known[in.running[id]] != nil && known[in.running[id]].fault == nil && there && !st.Disabled {
				t.Fatalf("seed %d: %s is waiting for its pin, and %q became %q", seed, id, in.running[id], running[id])
			}
		}
		in.running = running
		if again, _ := outcomeOf(in); !maps.Equal(again, running) {
			t.Fatalf("seed %d: came to %v, then to %v", seed, running, again)
		}
	}
}

func outcomeOf(in input) (running map[string]string, entries map[string]bool) {
	candidates, _, standing := in.candidates()
	out := resolve(candidates, standing, in.running)
	entries = map[string]bool{}
	for _, d := range out.desired {
		entries[d.manifest.ID] = true
	}
	return out.running(), entries
}

func randomInput(random *rand.Rand, bundles []*accepted, known map[string]*accepted) input {
	pick := func() *accepted { return bundles[random.IntN(len(bundles))] }
	of := func(id string) string {
		for {
			if a := pick(); a.manifest().ID == id {
				return a.digest
			}
		}
	}
	in := input{standing: map[string]Standing{}, running: map[string]string{}, known: known, blind: random.IntN(5) == 0}
	for i := range random.IntN(4) {
		f := holding{name: fmt.Sprint(i, ".jar")}
		switch random.IntN(4) {
		case 0: // garbage in the place of something
			f.claims = pick().manifest().ID
		case 1:
			f.earlier = pick()
			f.claims = f.earlier.manifest().ID
		case 2:
			f.earlier = pick()
			fallthrough
		default:
			f.accepted = pick()
			f.claims = f.accepted.manifest().ID
		}
		if !in.blind {
			in.files = append(in.files, f)
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		st := Standing{File: fmt.Sprint(random.IntN(4), ".jar"), Disabled: random.IntN(6) == 0, loading: random.IntN(6) == 0}
		if random.IntN(2) == 0 {
			st.Current = of(id)
		}
		if st.loading {
			st.Pinned = "sha256:on its way"
		} else if random.IntN(4) == 0 {
			st.Pinned = of(id)
		}
		for range random.IntN(3) {
			st.Rejected = append(st.Rejected, of(id))
		}
		if random.IntN(2) == 0 {
			in.running[id] = of(id)
		}
		in.standing[id] = st
	}
	return in
}
