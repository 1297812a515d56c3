package words

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

// Reason says of one code what it means and what to do.
type Reason struct {
	// Title says what happened in a few words; Meaning is a sentence of what that is,
	// Next one of what to do.
	Title, Meaning, Next Message
	// Helps are what helps, the best first.
	Helps []Help
}

// Explanation is a Reason in one language.
type Explanation struct {
	Title, Meaning, Next string
	Helps                []Help
}

// Explain says what the code of a reason means. A code of which nothing is known is
// explained as that.
func (w *Words) Explain(code string) Explanation {
	r, ok := w.reasons[code]
	if !ok {
		r = Reason{
			Title:   Message{"It does not run", "Elle ne fonctionne pas"},
			Meaning: Message{"The host says why below.", "Le serveur en dit la raison ci-dessous."},
			Next:    Message{"Try it again, or look into its log.", "Réessayez, ou consultez son journal."},
			Helps:   []Help{HelpRetry, HelpLogs},
		}
	}
	return Explanation{r.Title.in(w.language), r.Meaning.in(w.language), r.Next.in(w.language), r.Helps}
}

// Explains reports whether a code is known.
func (w *Words) Explains(code string) bool { _, ok := w.reasons[code]; return ok }

// reasons is the table of all codes.
func reasons() map[string]Reason {
	all := map[string]Reason{}
	for _, part := range []map[string]Reason{processReasons(), placeReasons(), bundleReasons(), contentReasons(), trustReasons()} {
		for code, r := range part {
			all[code] = r
		}
	}
	return all
}
