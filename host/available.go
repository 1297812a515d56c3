package host

import "context"

// AvailableQuery asks for what can be installed.
type AvailableQuery struct {
	Text  string
	Limit int
}

// Repositories says how each configured repository stands.
func (h *Host) Repositories() []Repository { return []Repository{} }

// RefreshRepository looks at one repository now, and returns how it stands then.
func (h *Host) RefreshRepository(context.Context, string) (Repository, error) {
	return Repository{}, errNoRepositories()
}

// Available returns what repositories offer.
func (h *Host) Available(context.Context, AvailableQuery) (OfferPage, error) {
	return OfferPage{Offers: []Offer{}, Missing: []MissingRepository{}}, nil
}

// AvailableOne returns what the repository that counts offers of one id.
func (h *Host) AvailableOne(context.Context, string) (Offer, error) {
	return Offer{}, errNoRepositories()
}
