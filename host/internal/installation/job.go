package installation

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
)

// phase is how far a plan is, as its row says it: what Recover has to do follows from it.
type phase string

const (
	fetching phase = "fetching" // nothing of it is in the extensions folder
	landing  phase = "landing"  // all of it is verified, some of it may be in the folder
	undoing  phase = "undoing"  // it is being taken back
	over     phase = "over"
)

// record is the row of a plan. It holds no secrets.
type record struct {
	Plan   plan.Plan `json:"plan"`
	Phase  phase     `json:"phase"`
	Remote string    `json:"remote"` // address of who asked
	Terms  []term    `json:"terms"`  // of each step
	// End is what it comes to when it is undone, or was canceled; nil before.
	End *end `json:"end"`
}

// term is what the row of a plan knows of a step beside what is shown.
type term struct {
	plan.Terms
	File    string `json:"file"`    // its name in the extensions folder, "" before it is ready
	Decided bool   `json:"decided"` // that is written down
}

// end is how a plan ends that is taken back.
type end struct {
	State         plan.State `json:"state"`
	Step          string     `json:"step"` // id of the one that has failed, "" for none
	Code, Message string
}

// job is a plan at work, or one that has ended. Its record is changed by the goroutine that
// leads it, under mu; others read it under mu.
type job struct {
	told func(plan.Plan)
	now  func() time.Time

	saving sync.Mutex // held from when the record is read until it is written down: rows grow no older

	mu     sync.Mutex // guards what follows
	record record
	cancel context.CancelCauseFunc // of who leads it; nil for nobody
	heard  time.Time               // when somebody was last told of its bytes
}

func (i *Installation) newJob(p plan.Plan, terms []plan.Terms, remote string) *job {
	now := i.cfg.Now().UTC()
	list := make([]term, len(terms))
	for n, t := range terms {
		list[n].Terms = t
	}
	p.ID, p.State, p.Created, p.Changed = "plan-"+strings.ToLower(rand.Text()[:16]), plan.Planned, now, now
	return &job{told: i.cfg.Told, now: i.cfg.Now, record: record{Plan: p, Phase: fetching, Remote: remote, Terms: list}}
}

var errRecord = errors.New("a row of a plan does not fit together")

func (i *Installation) readJob(body []byte) (*job, error) {
	j := &job{told: i.cfg.Told, now: i.cfg.Now}
	if err := json.Unmarshal(body, &j.record); err != nil {
		return nil, err
	}
	r := &j.record
	known := slices.Contains([]phase{fetching, landing, undoing, over}, r.Phase)
	if r.Plan.ID == "" || !known || len(r.Terms) != len(r.Plan.Steps) || r.Phase == undoing && r.End == nil || (r.Phase == over) != r.Plan.State.Over() {
		return nil, errRecord
	}
	return j, nil
}

// save writes the record down, with what was decided.
func (i *Installation) save(ctx context.Context, j *job, decided ...Decision) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	j.mu.Lock()
	body, err := json.Marshal(j.record)
	id, over := j.record.Plan.ID, j.record.Phase == over
	j.mu.Unlock()
	if err != nil {
		return err
	}
	return i.cfg.Rows.SavePlan(ctx, id, over, body, keepPlans, decided...)
}

// change changes the record and tells of it.
func (j *job) change(do func(r *record)) {
	j.mu.Lock()
	do(&j.record)
	j.record.Plan.Changed = j.now().UTC()
	j.mu.Unlock()
	j.told(j.show())
}

// step changes one step.
func (j *job) step(n int, do func(s *plan.Step)) { j.change(func(r *record) { do(&r.Plan.Steps[n]) }) }

// bytesPause is the least time between two words about the bytes of a step.
const bytesPause = 100 * time.Millisecond

// progress notes the bytes of a step, and tells of them now and then.
func (j *job) progress(n int, size, total int64) {
	j.mu.Lock()
	s := &j.record.Plan.Steps[n]
	s.Bytes, s.Total = size, max(total, s.Total)
	now := j.now()
	tell := now.Sub(j.heard) >= bytesPause
	if tell {
		j.heard = now
	}
	j.mu.Unlock()
	if tell {
		j.told(j.show())
	}
}

// show is the plan as it is now.
func (j *job) show() plan.Plan {
	j.mu.Lock()
	defer j.mu.Unlock()
	p := j.record.Plan
	p.Steps = slices.Clone(p.Steps)
	return p
}

// see returns a copy of the record.
func (j *job) see() record {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record
	r.Plan.Steps, r.Terms = slices.Clone(r.Plan.Steps), slices.Clone(r.Terms)
	return r
}

func (j *job) id() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record.Plan.ID
}

func (j *job) over() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record.Phase == over
}

// digests are those of what comes, and of what was there before.
func (j *job) digests() []string {
	r := j.see()
	var list []string
	for n, s := range r.Plan.Steps {
		for _, d := range []string{s.Digest, r.Terms[n].Before.Digest} {
			if d != "" && s.Action != plan.Keep {
				list = append(list, d)
			}
		}
	}
	return list
}

// changing are the numbers of the steps that are not to keep something.
func (r *record) changing() []int {
	var list []int
	for n, s := range r.Plan.Steps {
		if s.Action != plan.Keep {
			list = append(list, n)
		}
	}
	return list
}

// arriving are the digests of what the plan brings.
func (r *record) arriving() []string {
	var list []string
	for _, n := range r.changing() {
		list = append(list, r.Plan.Steps[n].Digest)
	}
	return list
}

// waiting is the id of the first step that is not ready.
func (r *record) waiting() string {
	changing := r.changing()
	for _, n := range changing {
		if s := r.Plan.Steps[n]; s.State != plan.StepReady {
			return s.ID
		}
	}
	return r.Plan.Steps[changing[len(changing)-1]].ID
}

// landing is what is known of a step that lands.
func (r *record) landing(n int) Landing {
	s, t := r.Plan.Steps[n], r.Terms[n]
	return Landing{
		ID: s.ID, Version: s.To, Digest: s.Digest, File: t.File, Repository: s.Repository,
		Actor: r.Plan.Actor, Remote: r.Remote, Grant: t.Grant, Publisher: t.Publisher, Before: t.Before,
	}
}
