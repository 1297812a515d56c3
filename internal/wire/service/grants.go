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
func denied(permission string) *sdk.Error {
	what := "the key-value store"
	if name, ok := strings.CutPrefix(permission, permissionCall); ok {
		what = "calling " + bounded(name, 190)
		permission = bounded(permission, 200)
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
