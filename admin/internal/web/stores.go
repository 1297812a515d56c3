package web

import (
	"context"

	"github.com/jackfield-host/jackfield/host"
)

// Stores are where extensions are installed from, and what they say of what is installed.
// The errors are *host.Error.
type Stores interface {
	Repositories() []host.Repository
	RefreshRepository(ctx context.Context, name string) (host.Repository, error)
	// ForgetRepository drops what is known of one, and returns how it stands then.
	ForgetRepository(ctx context.Context, name string, a host.Actor) (host.Repository, error)
	Available(ctx context.Context, q host.AvailableQuery) (host.OfferPage, error)
	AvailableOne(ctx context.Context, id string) (host.Offer, error)
	// OfferIcon is the picture of what AvailableOne gives, drawn anew by the host.
	OfferIcon(ctx context.Context, id string) (host.Icon, error)
	Outdated(ctx context.Context) ([]host.Outdated, error)
	Findings() []host.Finding
}

// Plans is installing from them. The errors are *host.Error.
type Plans interface {
	// Propose says what a request comes to, and changes nothing.
	Propose(ctx context.Context, r host.PlanRequest) (host.Plan, error)
	// StartPlan does it; what it returns is durable.
	StartPlan(ctx context.Context, r host.PlanRequest) (host.Plan, error)
	// Plans are those under way and the last ones that have ended, newest first.
	Plans() []host.Plan
	Plan(id string) (host.Plan, bool)
	CancelPlan(ctx context.Context, id string, a host.Actor) (host.Plan, error)
	UndoPlan(ctx context.Context, id string, a host.Actor) (host.Plan, error)
}
