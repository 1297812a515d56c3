package installation

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/store"
)

// killed is a host whose installation is killed: what it has written down stays.
type killed struct {
	seeker

	damaged string        // digest of a private copy that is not good any more
	asked   chan struct{} // closed when a download has begun, which then never ends

	row                 []byte // guarded by mu, as what follows
	decided             []Decision
	retracted, reverted []string
}

func (k *killed) LoadPlans(context.Context) ([][]byte, error) { return [][]byte{k.row}, nil }

func (k *killed) SavePlan(_ context.Context, _ string, _ bool, body []byte, _ int, decided ...Decision) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.row, k.decided = body, append(k.decided, decided...)
	return nil
}

func (k *killed) Recall(_ context.Context, digest string) (Bundle, error) {
	if digest == k.damaged {
		return Bundle{}, errors.New("it is damaged")
	}
	return Bundle{Release: func() {}}, nil
}

func (k *killed) Fetch(ctx context.Context, _ Want, _ store.Partial, _ func(size, total int64)) error {
	close(k.asked)
	<-ctx.Done()
	return ctx.Err()
}

func (k *killed) Holds(string) bool { return true }

func (k *killed) Retract(_ context.Context, file, _ string) error {
	k.retracted = append(k.retracted, file)
	return nil
}

func (k *killed) Revert(_ context.Context, l Landing) error {
	k.reverted = append(k.reverted, l.ID)
	return nil
}

// writes makes the row that was written down last.
func (k *killed) writes(t *testing.T, r record) {
	t.Helper()
	var err error
	if k.row, err = json.Marshal(r); err != nil {
		t.Fatal(err)
	}
}

func (k *killed) start(t *testing.T) *Installation {
	t.Helper()
	i, err := New(Config{
		Repositories: k, House: k, Rows: k, Downloads: t.TempDir(), HostVersion: "1.0", Platform: "linux-amd64", FileBytes: 1 << 20,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestCanceledStaysCanceled: that somebody has canceled a plan is written down before that is
// answered, and holds though the host is killed before the plan has ended.
func TestCanceledStaysCanceled(t *testing.T) {
	const id = "plan-x"
	k := &killed{asked: make(chan struct{}), damaged: "sha256:b"}
	k.writes(t, record{
		Plan: plan.Plan{ID: id, State: plan.Planned, Steps: []plan.Step{
			{ID: "org.a", Action: plan.Install, To: "1", Digest: "sha256:a", State: plan.StepReady},
			{ID: "org.b", Action: plan.Install, To: "1", Digest: "sha256:b", State: plan.StepPlanned},
		}},
		Phase: fetching, Terms: []term{{File: "a.jar"}, {}},
	})
	i := k.start(t)
	// As Run does before it has the plan worked on: nobody is there to end it.
	i.find(id).cancel = func(error) {}
	if _, err := i.Cancel(t.Context(), id, "ann", "192.0.2.9"); err != nil {
		t.Fatal(err)
	}
	if want := []Decision{{ActCancel, "ann", "192.0.2.9"}}; !slices.Equal(k.decided, want) {
		t.Errorf("the audit trail has %+v, want %+v", k.decided, want)
	}
	i = k.start(t) // it was killed here
	i.Recover(t.Context(), false)
	p, _ := i.Plan(id)
	if p.State != plan.Failed || p.Code != plan.CodeCanceled || p.Steps[0].State != plan.StepUndone || p.Steps[1].State != plan.StepFailed {
		t.Errorf("after the next start: %+v", p)
	}
	var r record
	if err := json.Unmarshal(k.row, &r); err != nil || r.Phase != over {
		t.Errorf("written down is %s, %v", k.row, err)
	}
}

// TestCanceledWhileItDownloads: the one that leads the plan ends it, and the row with it.
func TestCanceledWhileItDownloads(t *testing.T) {
	const id = "plan-x"
	k := &killed{asked: make(chan struct{}), damaged: "sha256:b"}
	k.writes(t, record{
		Plan:  plan.Plan{ID: id, State: plan.Planned, Created: time.Now(), Steps: []plan.Step{{ID: "org.b", Action: plan.Install, To: "1", Digest: "sha256:b", State: plan.StepPlanned}}},
		Phase: fetching, Terms: []term{{}},
	})
	i := k.start(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		i.Run(ctx)
		close(ended)
	}()
	<-k.asked
	if _, err := i.Cancel(t.Context(), id, "ann", ""); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended
	var r record
	if err := json.Unmarshal(k.row, &r); err != nil || r.Phase != over || r.Plan.State != plan.Failed || r.Plan.Code != plan.CodeCanceled {
		t.Errorf("written down is %s, %v", k.row, err)
	}
}

// TestWhatLandedUnnoticedIsTakenBack: a host was killed after it had put bundles into the
// extensions folder, and before it wrote that down. One of them cannot be put there again.
func TestWhatLandedUnnoticedIsTakenBack(t *testing.T) {
	k := &killed{damaged: "sha256:b"}
	k.writes(t, record{
		Plan: plan.Plan{ID: "plan-x", State: plan.Running, Steps: []plan.Step{
			{ID: "org.a", Action: plan.Install, To: "1", Digest: "sha256:a", State: plan.StepReady},
			{ID: "org.b", Action: plan.Install, To: "1", Digest: "sha256:b", State: plan.StepReady},
		}},
		Phase: landing, Terms: []term{{File: "a.jar"}, {File: "b.jar"}},
	})
	k.start(t).Recover(t.Context(), false)
	if want := []string{"b.jar", "a.jar"}; !slices.Equal(k.retracted, want) {
		t.Errorf("taken out of the folder are %q, want %q", k.retracted, want)
	}
	if want := []string{"org.b", "org.a"}; !slices.Equal(k.reverted, want) {
		t.Errorf("decisions are taken back about %q, want %q", k.reverted, want)
	}
	var r record
	if err := json.Unmarshal(k.row, &r); err != nil || r.Phase != undoing || r.End == nil || r.End.Step != "org.b" {
		t.Errorf("written down is %s, %v", k.row, err)
	}
}
