package host

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// find returns the row with an id as it is now, and what runs of it, or should; nil for
// what is no extension.
func (h *Host) find(id string) (row, *bundle.Verified, error) {
	for _, r := range *h.rows.Load() {
		if r.ID != id {
			continue
		}
		if r.edition == nil {
			return r, nil, nil
		}
		return r, r.edition.entry.Bundle, nil
	}
	return row{}, nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no extension %q", id), Hint: "the list of extensions has the ids"}
}

func (h *Host) declaredTypes(id string) ([]DeclaredType, error) {
	r, b, err := h.find(id)
	if err != nil || b == nil {
		return []DeclaredType{}, err
	}
	m := b.Manifest()
	types := []DeclaredType{}
	for _, t := range b.Types() {
		d := DeclaredType{
			Type: t.Name, Role: string(t.Role), Extends: t.Extends, Response: t.Response,
			Schema: t.Schema, Handled: t.Role == sdk.RoleRequest, State: r.State,
		}
		if d.Role == string(sdk.RoleRequest) {
			d.Response = cmp.Or(d.Response, m.Response)
		}
		types = append(types, d)
	}
	// The base types exist whether they are declared or not.
	for _, base := range []DeclaredType{
		{Type: m.Request, Role: string(sdk.RoleRequest), Response: m.Response, Handled: !b.HasTypes(), State: r.State},
		{Type: m.Response, Role: string(sdk.RoleResponse), State: r.State},
	} {
		if !slices.ContainsFunc(types, func(t DeclaredType) bool { return t.Type == base.Type }) {
			types = append(types, base)
		}
	}
	slices.SortFunc(types, func(a, b DeclaredType) int {
		return cmp.Or(strings.Compare(a.Role, b.Role), strings.Compare(a.Type, b.Type)) // request before response
	})
	return types, nil
}

func (h *Host) dependencies(id string) (Dependencies, error) {
	d := Dependencies{Needs: []Dependency{}, NeededBy: []Dependency{}}
	mine, b, err := h.find(id)
	if err != nil || b == nil {
		return d, err
	}
	rows := map[string]row{}
	for _, r := range *h.rows.Load() {
		if r.edition == nil {
			continue
		}
		rows[r.ID] = r
		for _, need := range r.edition.entry.Bundle.Manifest().Requires {
			if need.ID == id {
				d.NeededBy = append(d.NeededBy, r.dependency(need, mine))
			}
		}
	}
	for _, need := range b.Manifest().Requires {
		other, ok := rows[need.ID]
		if !ok {
			d.Needs = append(d.Needs, Dependency{ID: need.ID, Constraint: constraintOf(need), Optional: need.Optional})
			continue
		}
		d.Needs = append(d.Needs, other.dependency(need, other))
	}
	return d, nil
}

// dependency describes r as one end of need, which needed is to meet.
func (r row) dependency(need bundle.Requirement, needed row) Dependency {
	return Dependency{
		ID: r.ID, Name: r.Name, Version: r.Version, State: r.State, Constraint: constraintOf(need), Optional: need.Optional,
		Met: needed.State == lifecycle.Running && needed.edition != nil && need.Allows(needed.edition.entry.Bundle.Manifest().Version),
	}
}

func constraintOf(need bundle.Requirement) string {
	parts := make([]string, len(need.Constraints))
	for i, c := range need.Constraints {
		parts[i] = string(c.Op) + c.Version.String()
	}
	return strings.Join(parts, " ")
}
