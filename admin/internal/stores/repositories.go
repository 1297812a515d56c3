package stores

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// refreshPatience bounds a look at all repositories, refreshing how many are read at once.
	refreshPatience = 2 * time.Minute
	refreshing      = 4
)

// Repositories are where extensions are installed from.
type Repositories struct {
	Rows []host.Repository
	can
}

func (d *Desk) repositories(w http.ResponseWriter, r *http.Request) error {
	return d.cfg.Render(w, r, Page{Name: "repositories", Inner: true, Data: Repositories{d.cfg.Host.Repositories(), canOf(r)}})
}

func (d *Desk) refresh(w http.ResponseWriter, r *http.Request) error {
	web.Allow(http.NewResponseController(w), web.MaxWait)
	now, err := d.cfg.Host.RefreshRepository(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	kind := "ok"
	if now.State != "ok" {
		kind = "bad"
	}
	d.cfg.Leave(w, r, kind, "refreshed-"+kind, now.Name)
	http.Redirect(w, r, RepositoriesPath, http.StatusSeeOther)
	return nil
}

// Forget is what is asked before what is known of a repository is dropped.
type Forget struct{ host.Repository }

func (d *Desk) askForget(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	for _, repository := range d.cfg.Host.Repositories() {
		if repository.Name == name && repository.Enabled {
			return d.cfg.Render(w, r, Page{Name: "repository-forget", Args: []any{name}, Inner: true, Data: Forget{repository}})
		}
	}
	return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "there is no such repository that is enabled")
}

func (d *Desk) forget(w http.ResponseWriter, r *http.Request) error {
	web.Allow(http.NewResponseController(w), web.MaxWait) // a look that is under way ends first
	now, err := d.cfg.Host.ForgetRepository(r.Context(), r.PathValue("name"), web.Actor(r))
	if err != nil {
		return err
	}
	d.cfg.Leave(w, r, "ok", "forgotten", now.Name)
	http.Redirect(w, r, RepositoriesPath, http.StatusSeeOther)
	return nil
}

// refreshAll looks at all repositories, and leads back to the updates.
func (d *Desk) refreshAll(w http.ResponseWriter, r *http.Request) error {
	web.Allow(http.NewResponseController(w), web.MaxWait)
	ctx, cancel := context.WithTimeout(r.Context(), refreshPatience)
	defer cancel()
	var crew sync.WaitGroup
	var mu sync.Mutex // guards unwell
	unwell, places := "", make(chan struct{}, refreshing)
	for _, repository := range d.cfg.Host.Repositories() {
		if !repository.Enabled {
			continue
		}
		places <- struct{}{}
		crew.Go(func() {
			defer func() { <-places }()
			now, err := d.cfg.Host.RefreshRepository(ctx, repository.Name)
			if err != nil || now.State != "ok" {
				mu.Lock()
				defer mu.Unlock()
				unwell = repository.Name
			}
		})
	}
	crew.Wait()
	if unwell != "" {
		d.cfg.Leave(w, r, "bad", "refreshed-bad", unwell)
	} else {
		d.cfg.Leave(w, r, "ok", "refreshed-all")
	}
	http.Redirect(w, r, UpdatesPath, http.StatusSeeOther)
	return nil
}
