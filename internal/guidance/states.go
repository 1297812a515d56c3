package guidance

// States is the table of all states of an extension. The code of a reason says more than
// its state; a running extension has none.
func States() map[string]Reason {
	return map[string]Reason{
		"pending": {
			Message{"Its file is being copied", "Son fichier est en cours de copie"},
			Message{"The host has seen the file and waits until it is complete.", "Le serveur a vu le fichier et attend qu’il soit complet."},
			Message{"Nothing to do: after a minute without growth it is failed and says why.", "Rien à faire\u00a0: après une minute sans croissance, elle est en échec et dit pourquoi."},
			nil,
		},
		"waiting": {
			Message{"It waits for something else", "Elle attend autre chose"},
			Message{"It needs another extension, a consent or a configuration, or another version holds its place.", "Il lui faut une autre extension, un consentement ou une configuration, ou une autre version tient sa place."},
			Message{"Its code says for what it waits; it starts by itself then.", "Son code dit ce qu’elle attend\u00a0; elle démarrera d’elle-même ensuite."},
			[]Help{HelpConsent, HelpConfigure, HelpInstall},
		},
		"starting": {
			Message{"It starts", "Elle démarre"},
			Message{"Its process is launched, initialised and checked before it gets requests.", "Son processus est lancé, initialisé et contrôlé avant de recevoir des requêtes."},
			Message{"Nothing to do: within timeouts.start it runs or says why not.", "Rien à faire\u00a0: dans le délai timeouts.start elle fonctionne ou dit pourquoi non."},
			nil,
		},
		"running": {
			Message{"It runs", "Elle est en marche"},
			Message{"Its process is healthy and answers requests.", "Son processus est sain et répond aux requêtes."},
			Message{"Nothing to do.", "Rien à faire."},
			nil,
		},
		"draining": {
			Message{"It finishes its last requests", "Elle termine ses dernières requêtes"},
			Message{"It takes no new requests and stops when the present ones are answered.", "Elle ne prend plus de requêtes et s’arrête quand les dernières auront leur réponse."},
			Message{"Nothing to do: after timeouts.drain it is ended in any case.", "Rien à faire\u00a0: après timeouts.drain elle est arrêtée de toute façon."},
			nil,
		},
		"stopped": {
			Message{"It is switched off", "Elle est désactivée"},
			Message{"Somebody disabled it, or the database was lost and nobody has confirmed it since.", "Quelqu’un l’a désactivée, ou la base a été perdue et personne ne l’a confirmée depuis."},
			Message{"Enable it to have it run again.", "Activez-la pour qu’elle fonctionne à nouveau."},
			[]Help{HelpEnable},
		},
		"backoff": {
			Message{"It has crashed and is tried again", "Elle a planté et sera relancée"},
			Message{"Its process ended or did not become healthy; the pauses between tries grow up to backoff.max.", "Son processus s’est terminé ou n’est pas devenu sain\u00a0; les pauses entre essais croissent jusqu’à backoff.max."},
			Message{"Read its last words, mend the cause and retry; or roll back to the version before.", "Lisez ses derniers mots, corrigez la cause et réessayez\u00a0; ou revenez à la version précédente."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"failed": {
			Message{"It can not run as it is", "Elle ne peut pas fonctionner telle quelle"},
			Message{"The same file would fail again, so it is not tried until something changes.", "Le même fichier échouerait encore\u00a0; il n’est pas réessayé tant que rien ne change."},
			Message{"Its code says what is wrong: usually another file is needed.", "Son code dit ce qui ne va pas\u00a0: il faut en général un autre fichier."},
			[]Help{HelpInstall, HelpRetry, HelpRemove},
		},
		"conflict": {
			Message{"Another extension stands in its place", "Une autre extension est à sa place"},
			Message{"An id, a name or a type can belong to one extension only; the one that runs stays.", "Un identifiant, un nom ou un type n’appartient qu’à une extension\u00a0; celle qui est en marche reste."},
			Message{"Remove one of the two files; both are named in its reason.", "Retirez l’un des deux fichiers\u00a0; la raison les nomme tous deux."},
			[]Help{HelpRemove},
		},
		"unsupported": {
			Message{"Nothing in it runs here", "Rien n’y fonctionne ici"},
			Message{"The bundle is in order but holds no program for this platform.", "Le paquet est en ordre mais ne contient pas de programme pour cette plateforme."},
			Message{"Install a bundle for this platform, or remove the file.", "Installez un paquet pour cette plateforme, ou retirez le fichier."},
			[]Help{HelpInstall, HelpRemove},
		},
		"refused": {
			Message{"Its signature does not count here", "Sa signature ne compte pas ici"},
			Message{"Signature or signer do not meet trust.policy, so it does not run.", "Signature ou signataire ne satisfont pas trust.policy\u00a0; elle ne fonctionne pas."},
			Message{"Its code says why; never work around it with a file of unknown origin.", "Son code dit pourquoi\u00a0; ne le contournez jamais avec un fichier d’origine inconnue."},
			[]Help{HelpTrust, HelpRecheck, HelpInstall, HelpRemove},
		},
		"removed": {
			Message{"Its file is gone", "Son fichier a disparu"},
			Message{"It has left the drop folder. Its data and history stay until they are purged.", "Elle a quitté le dossier de dépôt. Ses données et son historique restent jusqu’à leur purge."},
			Message{"Put the file back to have it again, with its data.", "Remettez le fichier pour la retrouver, avec ses données."},
			[]Help{HelpInstall},
		},
	}
}
