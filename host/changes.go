package host

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
)

// changesOf is what is otherwise in a version than in the one that is installed, nil when
// none is.
func changesOf(was, is *bundle.Verified) *Changes {
	if was == nil {
		return nil
	}
	from, to := was.Manifest(), is.Manifest()
	return &Changes{
		Version: from.Version.String(), Digest: was.Digest(),
		Types:        typeChanges(was.Types(), is.Types()),
		Asks:         missingFrom(from.Permissions, to.Permissions),
		Leaves:       missingFrom(to.Permissions, from.Permissions),
		ConfigSchema: schemaChange(was.ConfigSchema(), is.ConfigSchema()),
		UpgradeFrom:  string(from.Upgrade), UpgradeTo: string(to.Upgrade),
	}
}

// missingFrom returns the items of list that are not in known.
func missingFrom(known, list []string) []string {
	left := []string{}
	for _, item := range list {
		if !slices.Contains(known, item) {
			left = append(left, item)
		}
	}
	return left
}

func typeChanges(was, is []sdk.Type) []TypeChange {
	changes := []TypeChange{}
	before := make(map[string]sdk.Type, len(was))
	for _, t := range was {
		before[t.Name] = t
	}
	for _, t := range is {
		old, known := before[t.Name]
		delete(before, t.Name)
		if !known {
			changes = append(changes, TypeChange{Type: t.Name, Role: string(t.Role), Kind: ChangeAdded})
		} else if what := typeDifferences(old, t); len(what) > 0 {
			changes = append(changes, TypeChange{Type: t.Name, Role: string(t.Role), Kind: ChangeChanged, What: what})
		}
	}
	for _, t := range before {
		changes = append(changes, TypeChange{Type: t.Name, Role: string(t.Role), Kind: ChangeRemoved})
	}
	slices.SortFunc(changes, func(a, b TypeChange) int { return cmp.Compare(a.Type, b.Type) })
	return changes
}

func typeDifferences(a, b sdk.Type) []string {
	var what []string
	for _, field := range []struct {
		name   string
		differ bool
	}{
		{"role", a.Role != b.Role}, {"extends", a.Extends != b.Extends}, {"response", a.Response != b.Response},
		{"schema", schemaChange(a.Schema, b.Schema) != ChangeNone},
	} {
		if field.differ {
			what = append(what, field.name)
		}
	}
	return what
}

// schemaChange compares two schemas by what they mean: titles and descriptions do not
// count.
func schemaChange(was, is json.RawMessage) ChangeKind {
	switch {
	case was == nil && is == nil:
		return ChangeNone
	case was == nil:
		return ChangeAdded
	case is == nil:
		return ChangeRemoved
	case schema.DiffTypes([]sdk.Type{{Schema: was}}, []sdk.Type{{Schema: is}}) != "":
		return ChangeChanged
	}
	return ChangeNone
}
