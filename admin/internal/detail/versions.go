package detail

import (
	"net/http"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Versions is the tab of the kept versions.
type Versions struct {
	Header
	Kept []KeptVersion
	// Pinned is the version to which the extension is pinned, "" for none.
	Pinned string
	// Compared is what another version has otherwise, nil when it was not asked for.
	Compared *Compared
}

// KeptVersion is one version with the URL of the page that compares it.
type KeptVersion struct {
	host.Kept
	Compare string
}

// Compared is what version To has otherwise than the current one.
type Compared struct {
	host.Changes
	To string
	// Same says that nothing is.
	Same bool
}

func (d *Desk) versions(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "versions")
	if err != nil {
		return err
	}
	kept, err := d.cfg.Host.Kept(h.E.ID)
	if err != nil {
		return err
	}
	view := Versions{Header: h}
	digest := r.URL.Query().Get("compare")
	if digest != "" && digest == h.E.Digest {
		return web.Invalid("this is the current version; there is nothing to compare it with")
	}
	to := ""
	for _, k := range kept {
		view.Kept = append(view.Kept, KeptVersion{k, URL(h.E.ID, "versions") + "?compare=" + k.Digest})
		if k.Pinned {
			view.Pinned = k.Version.Version
		}
		if k.Digest == digest {
			to = k.Version.Version
		}
	}
	if c := h.E.Candidate; c != nil && c.Digest == digest {
		to = c.Version
	}
	if digest != "" {
		changes, err := d.cfg.Host.Compare(r.Context(), h.E.ID, digest)
		if err != nil {
			return err
		}
		view.Compared = &Compared{
			Changes: changes, To: to,
			Same: len(changes.Types)+len(changes.Asks)+len(changes.Leaves) == 0 && changes.ConfigSchema == host.ChangeNone && changes.UpgradeFrom == changes.UpgradeTo,
		}
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-versions.html", h, view)
}
