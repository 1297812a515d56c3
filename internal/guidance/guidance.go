// Package guidance says what the states of extensions and the codes of the contract mean,
// and what to do: in English and French, for the admin page, the command line and the
// operators' pages alike.
//
// Reasons is the table of the codes why an extension does not run, States that of the
// states, Answers that of the codes by which requests are refused, Repositories that of the
// codes why a repository is not taken; Causes says what most
// often leads to a code. What is promised: every state and code that the host, the bundles
// and the judgement of signatures can give has its entry (tests take the codes from their
// source), each in both languages, with something to do unless it passes by itself. The
// texts are plain text; who makes HTML or roff of them escapes.
package guidance

// Message is one text in both languages.
type Message struct{ English, French string }

// Help names what helps against a reason. The set is closed: the verbs of the admin API
// that can, and the pages where one does more than press a button.
type Help string

// The helps.
const (
	HelpNothing   Help = ""          // it passes by itself
	HelpEnable    Help = "enable"    // verbs
	HelpRetry     Help = "retry"     //
	HelpRollback  Help = "rollback"  //
	HelpConsent   Help = "consent"   //
	HelpRecheck   Help = "recheck"   //
	HelpUnpin     Help = "unpin"     //
	HelpRemove    Help = "remove"    //
	HelpConfigure Help = "configure" // the page of the configuration
	HelpInstall   Help = "install"   // another bundle
	HelpLogs      Help = "logs"      // the log
	HelpTrust     Help = "trust"     // the page of signature and permissions
)

// Helps lists those that are something to do.
func Helps() []Help {
	return []Help{
		HelpEnable, HelpRetry, HelpRollback, HelpConsent, HelpRecheck, HelpUnpin,
		HelpRemove, HelpConfigure, HelpInstall, HelpLogs, HelpTrust,
	}
}

// Command is the command line that does what h names, for the extension id; "" for nothing.
func (h Help) Command(id string) string {
	switch h {
	case HelpNothing:
		return ""
	case HelpConfigure:
		return "jackfield ext config " + id
	case HelpInstall:
		return "jackfield ext install FILE"
	case HelpTrust:
		return "jackfield bundle verify FILE"
	}
	return "jackfield ext " + string(h) + " " + id
}

// Reason says of one code what it means and what to do.
type Reason struct {
	// Title says what happened in a few words; Meaning is a sentence of what that is,
	// Next one of what to do.
	Title, Meaning, Next Message
	// Helps are what helps, the best first.
	Helps []Help
}

// Reasons is the table of all codes of reasons: why an extension, or a file, does not run.
func Reasons() map[string]Reason {
	all := map[string]Reason{}
	for _, part := range parts() {
		for code, r := range part {
			all[code] = r
		}
	}
	return all
}

// parts are those of Reasons; no code stands in two of them.
func parts() []map[string]Reason {
	return []map[string]Reason{processReasons(), placeReasons(), bundleReasons(), contentReasons(), trustReasons()}
}

// For is what is known of an extension in this state whose reason has this code, "" for
// none: the entry of the code, which says more, else that of the state. ok is false when
// neither is known.
func For(state, code string) (r Reason, ok bool) {
	if r, ok = Reasons()[code]; ok {
		return r, true
	}
	r, ok = States()[state]
	return r, ok
}
