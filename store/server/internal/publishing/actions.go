package publishing

import (
	"errors"
	"net/http"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// verb is an action on a release, or on all of a listing.
type verb struct {
	name, summary string
	right         web.Right
	verb          ingest.Verb
	reason        bool // it needs one
}

func verbs() []verb {
	return []verb{
		{"deprecate", "Say that nobody should begin with", web.Publish, ingest.Deprecate, true},
		{"withdraw", "Offer no longer", web.Publish, ingest.Withdraw, true},
		{"take-down", "Serve no longer", web.Administer, ingest.TakeDown, true},
		{"restore", "Undo the deprecation, or the taking down, of", web.Publish, ingest.Restore, false},
	}
}

// act answers POST of a verb with the listing as it is then.
func (a *API) act(v verb) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		if _, err := web.Parameters(r); err != nil {
			return err
		}
		var why store.Reason
		if err := web.Read(r, &why); err != nil {
			return err
		}
		if v.reason && why.Reason == "" {
			return web.Invalid("say why: send {\"reason\": \"…\"}")
		}
		caller := web.Of(r.Context())
		action := ingest.Action{
			Verb: v.verb, Listing: web.Var(r, "id"), Version: web.Var(r, "version"), Reason: why.Reason,
			Actor: caller.Token, Remote: caller.Remote, Organization: caller.Organization,
		}
		l, err := a.do(r, action, caller)
		if err != nil {
			return deskError(err)
		}
		a.cfg.Settle(r.Context())
		return negotiate.WriteJSON(w, http.StatusOK, l)
	}
}

// do does an action. What was taken down comes back by an administrator only; what is
// deprecated by whom it belongs to as well.
func (a *API) do(r *http.Request, action ingest.Action, caller web.Caller) (*store.Listing, error) {
	if action.Verb != ingest.Restore {
		return a.cfg.Desk.Act(r.Context(), action)
	}
	if caller.May(web.Administer) {
		l, err := a.cfg.Desk.Act(r.Context(), action)
		var refused *ingest.ActionError
		if !errors.As(err, &refused) || refused.Code != ingest.WrongState {
			return l, err
		}
	}
	action.Verb = ingest.Undeprecate
	return a.cfg.Desk.Act(r.Context(), action)
}

// maxLabels bounds how many labels one request changes.
const maxLabels = 16

func (a *API) label(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	var change store.Labeling
	if err := web.Read(r, &change); err != nil {
		return err
	}
	if n := len(change.Add) + len(change.Remove); n == 0 || n > maxLabels {
		return web.Invalid("name 1 to %d labels in add and remove", maxLabels)
	}
	caller := web.Of(r.Context())
	var l *store.Listing
	for _, step := range []ingest.Action{{Verb: ingest.AddLabel, Labels: change.Add}, {Verb: ingest.RemoveLabel, Labels: change.Remove}} {
		if len(step.Labels) == 0 {
			continue
		}
		step.Listing, step.Actor, step.Remote = web.Var(r, "id"), caller.Token, caller.Remote
		var err error
		if l, err = a.cfg.Desk.Act(r.Context(), step); err != nil {
			return deskError(err)
		}
	}
	a.cfg.Settle(r.Context())
	return negotiate.WriteJSON(w, http.StatusOK, l)
}

func (a *API) advise(w http.ResponseWriter, r *http.Request) error {
	var adv store.Advisory
	if err := web.Read(r, &adv); err != nil {
		return err
	}
	adv, err := a.cfg.Desk.Advise(r.Context(), actor(r), adv)
	if err != nil {
		return deskError(err)
	}
	a.cfg.Settle(r.Context())
	return negotiate.WriteJSON(w, http.StatusOK, adv)
}

func (a *API) revoke(w http.ResponseWriter, r *http.Request) error {
	var rev store.Revocation
	if err := web.Read(r, &rev); err != nil {
		return err
	}
	rev, err := a.cfg.Desk.Revoke(r.Context(), actor(r), rev)
	if err != nil {
		return deskError(err)
	}
	a.cfg.Settle(r.Context())
	return negotiate.WriteJSON(w, http.StatusOK, rev)
}

func (a *API) unrevoke(w http.ResponseWriter, r *http.Request) error {
	var which store.Withdrawal
	if err := web.Read(r, &which); err != nil {
		return err
	}
	err := a.cfg.Desk.Unrevoke(r.Context(), actor(r), store.Revocation{Digest: which.Digest, Listing: which.Listing, Version: which.Version})
	if err != nil {
		return deskError(err)
	}
	a.cfg.Settle(r.Context())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// doc describes the verb on what: of is what is in its operationId.
func (v verb) doc(of, what string) *openapi.Doc {
	name := v.name
	if name == "take-down" {
		name = "takeDown"
	}
	return &openapi.Doc{
		ID: name + of, Summary: v.summary + " " + what,
		Body: openapi.JSON(store.Reason{}), Answers: openapi.OK("The listing as it is then", store.Listing{}),
		Codes: changes(),
	}
}

// changes are the codes of problems that whatever changes something may answer.
func changes() []string {
	return []string{web.Conflict, web.TooLarge, web.UnsupportedMedia, web.DeadlineExceeded, web.Canceled}
}
