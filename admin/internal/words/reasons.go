package words

import "github.com/jackfield-host/jackfield/internal/guidance"

// Help names what helps against a reason.
type Help = guidance.Help

// The helps.
const (
	HelpNothing   = guidance.HelpNothing
	HelpEnable    = guidance.HelpEnable
	HelpRetry     = guidance.HelpRetry
	HelpRollback  = guidance.HelpRollback
	HelpConsent   = guidance.HelpConsent
	HelpRecheck   = guidance.HelpRecheck
	HelpUnpin     = guidance.HelpUnpin
	HelpRemove    = guidance.HelpRemove
	HelpConfigure = guidance.HelpConfigure
	HelpInstall   = guidance.HelpInstall
	HelpLogs      = guidance.HelpLogs
	HelpTrust     = guidance.HelpTrust
)

// Explanation is a guidance.Reason in one language.
type Explanation struct {
	Title, Meaning, Next string
	Helps                []Help
}

// Explain says what the code of a reason means. A code of which nothing is known is
// explained as that.
func (w *Words) Explain(code string) Explanation {
	r, ok := w.reasons[code]
	if !ok {
		r = guidance.Reason{
			Title:   guidance.Message{English: "It does not run", French: "Elle ne fonctionne pas"},
			Meaning: guidance.Message{English: "The host says why below.", French: "Le serveur en dit la raison ci-dessous."},
			Next:    guidance.Message{English: "Try it again, or look into its log.", French: "Réessayez, ou consultez son journal."},
			Helps:   []Help{HelpRetry, HelpLogs},
		}
	}
	in := func(m guidance.Message) string { return Message{m.English, m.French}.In(w.Language()) }
	return Explanation{in(r.Title), in(r.Meaning), in(r.Next), r.Helps}
}

// Explains reports whether a code is known.
func (w *Words) Explains(code string) bool { _, ok := w.reasons[code]; return ok }
