package page

import (
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

// notTaken is why a form about accounts was not taken, as the part "not-taken" shows it
// beside the form; nil for nothing.
type notTaken struct {
	Status int
	Text   string
	// Said is what the host says besides, empty for nothing.
	Said string
}

func (n *notTaken) status() int {
	if n == nil {
		return 0
	}
	return n.Status
}

// notTakenOf puts a refusal of the accounts into words. It is nil for what is no refusal.
func notTakenOf(said *words.Words, err error) *notTaken {
	p := web.ProblemOf(err)
	if p == nil {
		return nil
	}
	n := &notTaken{Status: p.Status, Text: said.Say("account.refused"), Said: sentence(p.Detail) + sentence(p.Hint)}
	if p.Code == host.CodeInvalidArgument {
		n.Status = http.StatusUnprocessableEntity
	}
	return n
}

// sentence makes one of what the host says, which begins with a small letter and has no
// full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + ". "
}
