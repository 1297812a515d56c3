package database

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Organization may publish. A listing belongs to the one that published it first.
type Organization struct {
	Name    string    `json:"name"`           // the host name in its certificates, or the author's name
	Title   string    `json:"title"`          // for people
	Pins    []string  `json:"pins,omitempty"` // its public keys as trust.Pin says them, sorted
	Created time.Time `json:"created"`
}

// SaveOrganization adds an organization, or takes the place of the one with its name, which
// keeps its Created. A pin that another organization has is ErrExists.
func (d *Database) SaveOrganization(ctx context.Context, o Organization, entry Entry) error {
	return d.writeOrganization(ctx, o, "ON CONFLICT (name) DO UPDATE SET title = excluded.title", entry)
}

// AddOrganization adds one. If there is one with its name, or with one of its pins, it is
// ErrExists.
func (d *Database) AddOrganization(ctx context.Context, o Organization, entry Entry) error {
	return d.writeOrganization(ctx, o, "", entry)
}

func (d *Database) writeOrganization(ctx context.Context, o Organization, after string, entry Entry) error {
	return d.change(ctx, fmt.Sprintf("saving organization %q", o.Name), func(ctx context.Context, tx querier) error {
		if o.Created.IsZero() {
			o.Created = d.now()
		}
		if err := insert(ctx, tx, "organizations (name, title, created)", [][]any{{o.Name, o.Title, micros(o.Created)}}, after); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM organization_keys WHERE organization = $1`, o.Name); err != nil {
			return err
		}
		var keys [][]any
		for _, pin := range o.Pins {
			keys = append(keys, []any{pin, o.Name})
		}
		if err := insert(ctx, tx, "organization_keys (pin, organization)", keys, ""); err != nil {
			return fmt.Errorf("its keys: %w", err)
		}
		return d.log(ctx, tx, entry)
	})
}

// RemoveOrganization removes one and its tokens. One that owns listings is ErrConflict.
func (d *Database) RemoveOrganization(ctx context.Context, name string, entry Entry) error {
	return d.change(ctx, fmt.Sprintf("removing organization %q", name), func(ctx context.Context, tx querier) error {
		err := exactlyOne(ctx, tx, `DELETE FROM organizations WHERE name = $1`, name)
		if d.engine.judge(err) == unrelated {
			return fmt.Errorf("%w: it owns listings", ErrConflict)
		}
		if err != nil {
			return err
		}
		return d.log(ctx, tx, entry)
	})
}

// Organization returns the one with this name.
func (d *Database) Organization(ctx context.Context, name string) (o Organization, err error) {
	err = d.look(ctx, fmt.Sprintf("reading organization %q", name), func(ctx context.Context, q querier) error {
		o, err = organizationByName(ctx, q, name)
		return err
	})
	return o, err
}

// OrganizationOf returns the one that has this public key.
func (d *Database) OrganizationOf(ctx context.Context, pin string) (o Organization, err error) {
	err = d.look(ctx, "looking for the organization with key "+pin, func(ctx context.Context, q querier) error {
		o, err = organizationByPin(ctx, q, pin)
		return err
	})
	return o, err
}

// Organizations returns all, by name.
func (d *Database) Organizations(ctx context.Context) (list []Organization, err error) {
	err = d.lookAtOnce(ctx, "reading organizations", func(ctx context.Context, q querier) error {
		if list, err = all(ctx, q, scanOrganization, `SELECT name, title, created FROM organizations`); err != nil {
			return err
		}
		type key struct{ pin, organization string }
		keys, err := all(ctx, q, func(r row) (k key, err error) {
			err = r.Scan(&k.pin, &k.organization)
			return k, err
		}, `SELECT pin, organization FROM organization_keys`)
		pins := map[string][]string{}
		for _, k := range keys {
			pins[k.organization] = append(pins[k.organization], k.pin)
		}
		for i := range list {
			list[i].Pins = pins[list[i].Name]
			slices.Sort(list[i].Pins)
		}
		return err
	})
	slices.SortFunc(list, func(a, b Organization) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// organizationByPin is sql.ErrNoRows for none, and so is organizationByName.
func organizationByPin(ctx context.Context, q querier, pin string) (o Organization, err error) {
	var name string
	if err := q.QueryRowContext(ctx, `SELECT organization FROM organization_keys WHERE pin = $1`, pin).Scan(&name); err != nil {
		return o, err
	}
	return organizationByName(ctx, q, name)
}

func organizationByName(ctx context.Context, q querier, name string) (o Organization, err error) {
	if o, err = scanOrganization(q.QueryRowContext(ctx, `SELECT name, title, created FROM organizations WHERE name = $1`, name)); err != nil {
		return o, err
	}
	o.Pins, err = all(ctx, q, one[string], `SELECT pin FROM organization_keys WHERE organization = $1`, name)
	slices.Sort(o.Pins)
	return o, err
}

func scanOrganization(r row) (o Organization, err error) {
	var created int64
	err = r.Scan(&o.Name, &o.Title, &created)
	o.Created = timeOf(created)
	return o, err
}
