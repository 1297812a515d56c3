package service

import (
	"strings"

	"github.com/jackfield-host/jackfield/sdk"
)

// The permissions of services, as a manifest spells them.
const (
	permissionKeyValue = "kv"
	permissionCall     = "call:" // and the type
)

// Grants is what an extension may use of its host. The zero value grants nothing.
type Grants struct {
	keyValue bool
	types    map[string]struct{}
	asked    *Grants // what is asked for and not granted is told apart in errors
}

// ParseGrants takes permissions as a manifest spells them and keeps kv and call:TYPE.
// The others are none of its business.
func ParseGrants(permissions []string) Grants {
	var g Grants
	for _, p := range permissions {
		p = strings.TrimSpace(p)
		if p == permissionKeyValue {
			g.keyValue = true
		}
		if name, ok := strings.CutPrefix(p, permissionCall); ok && name != "" {
			if g.types == nil {
				g.types = make(map[string]struct{})
			}
			g.types[name] = struct{}{}
		}
	}
	return g
}

// Asked returns g with the permissions that the manifest asks for, so that a refusal can
// say whose turn it is. It grants nothing.
func (g Grants) Asked(permissions []string) Grants {
	asked := ParseGrants(permissions)
	g.asked = &asked
	return g
}

// Calls reports whether any call is granted.
func (g Grants) Calls() bool { return len(g.types) > 0 }

// missing returns the permission that this kind of ask needs and that is not granted,
// "" if there is none. TypeName is that of a call.
func (g Grants) missing(kind Kind, typeName string) string {
	switch kind {
	case KindGet, KindPut, KindDelete, KindList:
		if !g.keyValue {
			return permissionKeyValue
		}
	case KindCall:
		if _, ok := g.types[typeName]; !ok {
			return permissionCall + typeName
		}
	}
	return ""
}

// denied says which permission is missing and where to ask for it.
func (g Grants) denied(kind Kind, typeName, permission string) *sdk.Error {
	what := "the key-value store"
	if name, ok := strings.CutPrefix(permission, permissionCall); ok {
		what = "calling " + bounded(name, 190)
		permission = bounded(permission, 200)
	}
	if g.asked != nil && g.asked.missing(kind, typeName) == "" {
		return sdk.Errorf(sdk.PermissionDenied, "%s is not granted: an administrator has denied %s, or taken it back", what, permission)
	}
	return sdk.Errorf(sdk.PermissionDenied,
		"%s is not granted: extension_permissions in the bundle's manifest.mf would need %s", what, permission)
}

// bounded returns s, of at most limit bytes and an ellipsis.
func bounded(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
