package publishing

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	// patience is how long an answer waits for the verdict. A file that takes longer is
	// answered as it is by then.
	patience = 50 * time.Second
	pageSize = 100
	maxPage  = 500
	// maxKey bounds the header Idempotency-Key, in bytes.
	maxKey = 128
)

// media are the types under which files are sent.
func media() []string {
	return []string{"application/java-archive", "application/octet-stream", "application/zip"}
}

// submit answers POST submissions: it takes a file in, and waits for the verdict.
func (a *API) submit(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "file", "channel", "wait")
	if err != nil {
		return err
	}
	channel := store.Channel(values.Get("channel"))
	if channel != "" && channel != store.Stable && channel != store.Beta {
		return web.Invalid("channel must be stable or beta")
	}
	key, err := keyOf(r)
	if err != nil {
		return err
	}
	wait := values.Get("wait") != "false"
	if !slices.Contains([]string{"", "true", "false"}, values.Get("wait")) {
		return web.Invalid("write wait=true or wait=false")
	}
	beside, err := detachedOf(r)
	if err != nil {
		return err
	}
	if err := a.judgeBody(r); err != nil {
		return err
	}
	caller := web.Of(r.Context())
	s, err := a.cfg.Desk.Receive(r.Context(), ingest.Upload{
		Source: ingest.SourceAPI, File: values.Get("file"), Organization: caller.Organization,
		Actor: caller.Token, Remote: caller.Remote, Channel: channel, Detached: beside, Key: key,
		Body: web.Incoming(w, r, patience),
	})
	if errors.Is(err, ingest.ErrTooBig) {
		return a.tooLarge()
	}
	if errors.Is(err, ingest.ErrBusy) {
		p := web.NewProblem(web.Exhausted, "too many files of your organization wait to be checked")
		p.Hint = "send the next one when some of them are decided"
		return p
	}
	if err != nil {
		return err
	}
	if wait {
		if s, err = a.wait(r.Context(), s.Number); err != nil {
			return err
		}
	}
	return a.answer(w, r, s)
}

// answer answers with what became of a submission.
func (a *API) answer(w http.ResponseWriter, r *http.Request, s store.Submission) error {
	w.Header().Set("Location", fmt.Sprintf("%ssubmissions/%d", prefix, s.Number))
	switch s.State {
	case store.Accepted:
		a.cfg.Settle(r.Context())
		return negotiate.WriteJSON(w, http.StatusCreated, s)
	case store.NeedsChanges:
		return refused(s)
	}
	return negotiate.WriteJSON(w, http.StatusAccepted, s)
}

// judgeBody refuses what needs not be read to know that it is not taken.
func (a *API) judgeBody(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(media(), kind) || r.Header.Get("Content-Encoding") != "" {
		return web.NewProblem(web.UnsupportedMedia, "send the file itself as application/octet-stream, without a Content-Encoding")
	}
	if r.ContentLength > a.cfg.MaxBytes {
		return a.tooLarge()
	}
	if r.ContentLength == 0 {
		return web.Invalid("there is no file in the body")
	}
	return nil
}

func (a *API) tooLarge() error {
	return web.NewProblem(web.TooLarge, fmt.Sprintf("files may have up to %d bytes here", a.cfg.MaxBytes))
}

// refused is the problem of a submission that needs changes.
func refused(s store.Submission) error {
	detail := "the file is refused"
	if len(s.Problems) > 0 {
		detail = s.Problems[0].Code + ": " + s.Problems[0].Message
	}
	p := web.NewProblem(web.Refused, detail)
	p.Submission = &s
	return p
}

// keyOf is the header Idempotency-Key: 1 to 128 visible ASCII characters.
func keyOf(r *http.Request) (string, error) {
	values := r.Header["Idempotency-Key"]
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	visible := !slices.ContainsFunc([]byte(key), func(c byte) bool { return c <= ' ' || c > '~' })
	if len(values) > 1 || key == "" || len(key) > maxKey || !visible {
		return "", web.Invalid("Idempotency-Key must be 1 to %d visible characters", maxKey)
	}
	return key, nil
}

// wait returns a submission once it is decided, or as it is after patience.
func (a *API) wait(ctx context.Context, number int64) (store.Submission, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	s, err := a.cfg.Desk.Wait(ctx, number)
	if err != nil && errors.Is(context.Cause(ctx), errPatience) && s.Number == number {
		return s, nil
	}
	return s, err
}

var errPatience = errors.New("it takes longer than an answer waits")

// submissions answers GET submissions, newest first.
func (a *API) submissions(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "state", "listing", "digest", "cursor", "limit")
	if err != nil {
		return err
	}
	filter := database.SubmissionFilter{
		Organization: web.Of(r.Context()).Organization, State: store.SubmissionState(values.Get("state")),
		Listing: values.Get("listing"), Digest: values.Get("digest"),
	}
	if filter.State != "" && !slices.Contains(states(), string(filter.State)) {
		return web.Invalid("there is no state %q", filter.State)
	}
	if filter.Before, err = web.Number(values, "cursor"); err != nil {
		return err
	}
	limit, err := web.Limit(values, pageSize, maxPage)
	if err != nil {
		return err
	}
	filter.Limit = limit + 1 // to know whether there are more
	found, err := a.cfg.Database.Submissions(r.Context(), filter)
	if err != nil {
		return err
	}
	page := store.SubmissionPage{Submissions: []store.Submission{}}
	for i, s := range found {
		if i == limit {
			page.Next = strconv.FormatInt(found[i-1].Number, 10)
			break
		}
		page.Submissions = append(page.Submissions, s)
	}
	return negotiate.WriteJSON(w, http.StatusOK, page)
}

// submission answers GET submissions/{n}, with wait=true once it is decided.
func (a *API) submission(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "wait")
	if err != nil {
		return err
	}
	wait, err := web.Flag(values, "wait")
	if err != nil {
		return err
	}
	number, err := numberOf(r)
	if err != nil {
		return err
	}
	s, err := a.cfg.Database.Submission(r.Context(), number)
	if err == nil && !visibleTo(web.Of(r.Context()), s) {
		err = database.ErrNotFound
	}
	if errors.Is(err, database.ErrNotFound) {
		return noSubmission()
	}
	if err != nil {
		return err
	}
	if wait {
		if s, err = a.wait(r.Context(), number); err != nil {
			return err
		}
		a.cfg.Settle(r.Context())
	}
	return negotiate.WriteJSON(w, http.StatusOK, s)
}

func visibleTo(c web.Caller, s store.Submission) bool {
	return c.Organization == "" || c.Organization == s.Organization
}

func noSubmission() error {
	return web.NewProblem(web.NotFound, "there is no such submission of yours")
}

func numberOf(r *http.Request) (int64, error) {
	n, err := strconv.ParseInt(web.Var(r, "n"), 10, 64)
	if err != nil || n < 1 {
		return 0, noSubmission()
	}
	return n, nil
}

func (a *API) approve(w http.ResponseWriter, r *http.Request) error {
	number, err := numberOf(r)
	if err != nil {
		return err
	}
	s, err := a.cfg.Desk.Approve(r.Context(), number, actor(r))
	if err != nil {
		return deskError(err)
	}
	if s.State == store.NeedsChanges {
		return refused(s) // what was fine when it came may not be any more
	}
	a.cfg.Settle(r.Context())
	return negotiate.WriteJSON(w, http.StatusOK, s)
}

// retry submits the bytes of a submission that was refused once more.
func (a *API) retry(w http.ResponseWriter, r *http.Request) error {
	number, err := numberOf(r)
	if err != nil {
		return err
	}
	s, err := a.cfg.Desk.Retry(r.Context(), number, actor(r))
	if err != nil {
		return deskError(err)
	}
	if s, err = a.wait(r.Context(), s.Number); err != nil {
		return err
	}
	return a.answer(w, r, s)
}

func (a *API) reject(w http.ResponseWriter, r *http.Request) error {
	number, err := numberOf(r)
	if err != nil {
		return err
	}
	var why store.Reason
	if err := web.Read(r, &why); err != nil {
		return err
	}
	s, err := a.cfg.Desk.Reject(r.Context(), number, actor(r), why.Reason)
	if err != nil {
		return deskError(err)
	}
	return negotiate.WriteJSON(w, http.StatusOK, s)
}
