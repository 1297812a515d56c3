package words

// configureWords are those of the configuration of an extension.
func configureWords() catalog {
	return catalog{
		"form.json":           {"JSON", "JSON"},
		"configure.title":     {"Configuration", "Configuration"},
		"configure.no-schema": {"This extension says nothing about what can be set. It takes any JSON object.", "Cette extension ne décrit pas ce qui peut être réglé. Elle accepte tout objet JSON."},
		"configure.no-right":  {"You may look at it, and not change it.", "Vous pouvez la consulter, mais pas la modifier."},
		"configure.refused":   {"It was not saved", "Rien n’a été enregistré"},
		"configure.awaiting":  {"Version {0} waits for another configuration", "La version {0} attend une autre configuration"},
		"configure.awaiting.text": {
			"The version that runs goes on. Set what both accept, and the new one is tried again by itself; or",
			"La version en service continue. Réglez ce que les deux acceptent et la nouvelle sera réessayée d’elle-même ; ou bien",
		},
		"configure.awaiting.form": {"configure version {0}.", "configurez la version {0}."},
		"configure.for": {
			"This is the form of version {0}. Version and configuration come together, or neither does.",
			"Ceci est le formulaire de la version {0}. La version et sa configuration arrivent ensemble, ou aucune des deux.",
		},
		"configure.for-running": {"Back to the version that runs", "Revenir à la version en service"},
		"configure.unchanged":   {"Nothing is different from what is set now.", "Rien ne diffère de ce qui est réglé actuellement."},
		"configure.from-defaults": {
			"The form is empty: where nothing is set, the defaults hold. Nothing is saved yet; secrets stay until you clear them.",
			"Le formulaire est vide\u00a0: là où rien n’est réglé, les valeurs par défaut s’appliquent. Rien n’est encore enregistré\u00a0; les secrets restent tant que vous ne les effacez pas.",
		},
		"configure.from-revision": {
			"The form shows the values of revision {0}. Nothing is saved yet; secrets are those of now.",
			"Le formulaire montre les valeurs de la révision {0}. Rien n’est encore enregistré\u00a0; les secrets sont ceux d’aujourd’hui.",
		},
		"configure.review":      {"Review the changes", "Vérifier les changements"},
		"configure.review.help": {"Nothing is saved before you have seen what changes.", "Rien n’est enregistré avant que vous ayez vu ce qui change."},
		"configure.discard":     {"Discard", "Abandonner"},
		"configure.reset":       {"Back to the defaults", "Revenir aux valeurs par défaut"},
		"configure.changes":     {"What will change", "Ce qui va changer"},
		"configure.save":        {"Save", "Enregistrer"},
		"configure.edit":        {"Keep editing", "Continuer la modification"},

		"configure.applied.live":    {"The extension takes it while it runs.", "L’extension la prend en compte sans s’arrêter."},
		"configure.applied.restart": {"A new process starts with it beside the old one and takes over once it is healthy. No request fails. If it does not start, nothing is changed.", "Un nouveau processus démarre avec elle à côté de l’ancien et prend le relais dès qu’il est sain. Aucune requête n’échoue. S’il ne démarre pas, rien n’est changé."},
		"configure.applied.stored":  {"The extension does not run now. It gets it when it starts.", "L’extension n’est pas en cours d’exécution. Elle la recevra à son démarrage."},
		"configure.saved.live":      {"{0} is configured.", "{0} est configurée."},
		"configure.saved.restart":   {"{0} is configured; a new process has taken over.", "{0} est configurée\u00a0; un nouveau processus a pris le relais."},
		"configure.saved.stored":    {"{0} is configured for its next start.", "{0} est configurée pour son prochain démarrage."},

		"configure.conflict":      {"Somebody else has changed it meanwhile", "Quelqu’un d’autre l’a modifiée entre-temps"},
		"configure.conflict.text": {"Nothing of yours was saved. Look at both, then go on editing, or save yours over it.", "Rien de ce que vous avez saisi n’a été enregistré. Comparez les deux, puis continuez la modification ou enregistrez la vôtre par-dessus."},
		"configure.theirs":        {"What they changed", "Ce qui a été changé"},
		"configure.yours":         {"What saving yours would change now", "Ce que votre enregistrement changerait maintenant"},
		"configure.overwrite":     {"Save mine", "Enregistrer la mienne"},
		"configure.edit-again":    {"Edit again", "Modifier à nouveau"},

		"configure.revisions":    {"Revisions", "Révisions"},
		"configure.revision":     {"Revision {0}", "Révision {0}"},
		"configure.by":           {"by {0},", "par {0},"},
		"configure.use":          {"Begin with these values", "Partir de ces valeurs"},
		"configure.secret":       {"secret", "secret"},
		"configure.diff.added":   {"set", "défini"},
		"configure.diff.changed": {"changed", "modifié"},
		"configure.diff.removed": {"removed", "retiré"},
	}
}
