package host

import "time"

// Repository is a place that extensions are installed from, as the admin API shows it.
type Repository struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Kind     string `json:"kind"`     // jackfield or jameica
	Priority int    `json:"priority"` // the higher goes first
	Enabled  bool   `json:"enabled"`
	// State is ok, stale (the last look failed, what is known is still good), error or never.
	State   string `json:"state"`
	Code    string `json:"code"`    // why it is not ok, "" if it is
	Message string `json:"message"` // the same for people
	// Seen is what this host does not let the store take back, null where nothing is: nothing
	// was read, it was forgotten, or the repository is one of Jameica's.
	Seen *RepositorySeen `json:"seen"`
	// Sequence, Issued and Expires are those of the signed index that is known.
	Sequence int64      `json:"sequence"`
	Issued   *time.Time `json:"issued"`
	Expires  *time.Time `json:"expires"`
	Checked  *time.Time `json:"checked"` // when it was looked at last
	Read     *time.Time `json:"read"`    // when that last went well
	Listings int        `json:"listings"`
	Problems []string   `json:"problems"` // parts that were left out, with the reason
}

// RepositorySeen is what was seen of a store: another name and a lower number are refused.
type RepositorySeen struct {
	Store    string `json:"store"` // its name, by which it signs
	Sequence int64  `json:"sequence"`
}

// Offer is an extension that a repository offers, as the admin API shows it.
type Offer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"` // Markdown of its publisher
	Publisher   string `json:"publisher"`
	Repository  string `json:"repository"`
	Version     string `json:"version"` // the highest that this host can use, else the highest
	Channel     string `json:"channel"` // stable or beta
	Published   string `json:"published"`
	// Usable says that this host can use Version; Needs is the least host version that it
	// asks for otherwise, "" where that is not the reason.
	Usable      bool     `json:"usable"`
	Needs       string   `json:"needs"`
	Installed   string   `json:"installed"` // version, "" for none
	Action      string   `json:"action"`    // install, update or none
	Permissions []string `json:"permissions"`
	Requires    []string `json:"requires"`
	Changelog   string   `json:"changelog"` // Markdown of its publisher
	License     string   `json:"license"`
	Homepage    string   `json:"homepage"`
	Size        int64    `json:"size"` // bytes, 0 where it is not known
	// Versions are all that are offered, the highest first.
	Versions   []string        `json:"versions"`
	Advisories []OfferAdvisory `json:"advisories"` // about Version
	Revoked    string          `json:"revoked"`    // the reason, "" if it is not
	Deprecated string          `json:"deprecated"` // the note, "" if it is not
	Icon       bool            `json:"icon"`
}

// OfferAdvisory is an advisory that is about an extension.
type OfferAdvisory struct {
	ID         string    `json:"id"`
	Extension  string    `json:"extension"`
	Repository string    `json:"repository"`
	Affected   string    `json:"affected"` // versions, as in extension_requires; "" is all
	Fixed      string    `json:"fixed"`
	Severity   string    `json:"severity"` // low, medium, high or critical
	Title      string    `json:"title"`
	URL        string    `json:"url"`
	Updated    time.Time `json:"updated"`
}

// OfferPage is what GET /api/v1/available answers.
type OfferPage struct {
	Offers []Offer `json:"available"`
	// More says that there are others: a longer question leaves less.
	More bool `json:"more"`
	// Missing are repositories that could not be searched, with the reason.
	Missing []MissingRepository `json:"missing"`
}

// MissingRepository says of a repository why it is not in an answer.
type MissingRepository struct {
	Name    string `json:"name"`
	Code    string `json:"code"`
	Message string `json:"message"`
}
