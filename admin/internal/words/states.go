package words

// stateWords name the states, the verdicts about signatures, and the stages.
func stateWords() catalog {
	return catalog{
		"state.pending":     {"pending", "en copie"},
		"state.waiting":     {"waiting", "en attente"},
		"state.starting":    {"starting", "démarrage"},
		"state.running":     {"running", "en marche"},
		"state.draining":    {"draining", "en cours d’arrêt"},
		"state.stopped":     {"stopped", "arrêtée"},
		"state.backoff":     {"backing off", "nouvel essai"},
		"state.failed":      {"failed", "en échec"},
		"state.conflict":    {"conflict", "conflit"},
		"state.unsupported": {"unsupported", "incompatible"},
		"state.refused":     {"refused", "refusée"},
		"state.removed":     {"removed", "retirée"},

		"trust.valid":     {"valid", "valide"},
		"trust.unsigned":  {"unsigned", "non signée"},
		"trust.untrusted": {"untrusted", "non reconnue"},
		"trust.expired":   {"expired", "expirée"},
		"trust.revoked":   {"revoked", "révoquée"},
		"trust.invalid":   {"invalid", "invalide"},
		"trust.unchecked": {"unchecked", "non vérifiée"},

		"stage.scan":      {"looking at the folder", "lecture du dossier"},
		"stage.verify":    {"verifying the bundle", "vérification du paquet"},
		"stage.manifest":  {"reading the manifest", "lecture du manifeste"},
		"stage.launch":    {"launching the process", "lancement du processus"},
		"stage.handshake": {"first contact with the process", "premier contact avec le processus"},
		"stage.init":      {"initialising", "initialisation"},
		"stage.check":     {"checking its health", "contrôle de santé"},
		"stage.runtime":   {"running", "fonctionnement"},

		"exit.code":   {"exit code {0}", "code de sortie {0}"},
		"exit.signal": {"signal {0}", "signal {0}"},
	}
}
