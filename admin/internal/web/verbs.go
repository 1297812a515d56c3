package web

import (
	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// RightOf is what a verb needs.
func RightOf(verb host.Verb) access.Right {
	switch verb {
	case host.VerbRemove:
		return access.Remove
	case host.VerbConsent, host.VerbRevoke:
		return access.Install
	}
	return access.Operate
}
