package guidance

// processReasons are those of a process that does not start, or ends.
func processReasons() map[string]Reason {
	return map[string]Reason{
		"crashed": {
			Message{"It keeps crashing", "Elle plante"},
			Message{"Its process ended by itself and is started again, more and more slowly.", "Son processus s’est terminé tout seul\u00a0; il est relancé, de plus en plus lentement."},
			Message{"See its last words below. If an earlier version worked, roll back; otherwise tell its vendor.", "Voyez ses derniers mots ci-dessous. Si une version antérieure fonctionnait, revenez-y\u00a0; sinon, prévenez son éditeur."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"exited": {
			Message{"Its process ended", "Son processus s’est terminé"},
			Message{"The program left without being asked to. The host starts it again.", "Le programme s’est arrêté sans qu’on le lui demande. Le serveur le relance."},
			Message{"See its last words below; its log has the rest.", "Voyez ses derniers mots ci-dessous\u00a0; le reste est dans son journal."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"hung": {
			Message{"It does not answer", "Elle ne répond plus"},
			Message{"It missed three checks of its health and was ended.", "Elle a manqué trois contrôles de santé et a été arrêtée."},
			Message{"What its goroutines did is kept as evidence. It is started again; roll back if that does not help.", "L’état de ses goroutines est conservé. Elle est relancée\u00a0; revenez à une version antérieure si cela ne suffit pas."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"memory_exceeded": {
			Message{"It took too much memory", "Elle a pris trop de mémoire"},
			Message{"It passed its limit limits.memory and was ended.", "Elle a dépassé sa limite limits.memory et a été arrêtée."},
			Message{"Raise limits.memory for it if the load explains that; otherwise roll back.", "Augmentez limits.memory pour elle si la charge le justifie\u00a0; sinon, revenez à une version antérieure."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"data_exceeded": {
			Message{"Its data are over the limit", "Ses données dépassent la limite"},
			Message{"Its data folder holds more than limits.data allows.", "Son dossier de données contient plus que limits.data ne permet."},
			Message{"Make room in its data folder or raise limits.data for it, then try again.", "Libérez de la place dans son dossier de données ou augmentez limits.data pour elle, puis réessayez."},
			[]Help{HelpRetry, HelpLogs},
		},
		"launch_failed": {
			Message{"Its program can not be started", "Son programme ne peut pas être lancé"},
			Message{"The system refused to run it, or what it needs here is missing.", "Le système a refusé de l’exécuter, ou ce dont il a besoin manque ici."},
			Message{"What the system said is below. Mend that and try again.", "Ce que le système a dit est ci-dessous. Corrigez-le et réessayez."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"executable_changed": {
			Message{"Its program is not the one that was verified", "Son programme n’est pas celui qui a été vérifié"},
			Message{"The private copy differs from what was accepted, so it is not run.", "La copie privée diffère de ce qui a été accepté\u00a0; elle n’est donc pas exécutée."},
			Message{"Find out who changes files in the home of the host. Then install it anew.", "Cherchez qui modifie des fichiers dans le dossier du serveur. Puis réinstallez-la."},
			[]Help{HelpInstall, HelpRetry, HelpRollback},
		},
		"handshake_timeout": {
			Message{"Its program does not report", "Son programme ne se présente pas"},
			Message{"It was started but said nothing that the host understands, within timeouts.start.", "Il a été lancé mais n’a rien dit que le serveur comprenne, dans le délai timeouts.start."},
			Message{"On a busy machine try again, or raise timeouts.start. See its last words below.", "Sur une machine chargée, réessayez ou augmentez timeouts.start. Voyez ses derniers mots ci-dessous."},
			[]Help{HelpRetry, HelpRollback, HelpLogs},
		},
		"protocol_mismatch": {
			Message{"It speaks another protocol", "Elle parle un autre protocole"},
			Message{"It was built for another generation of this host.", "Elle a été conçue pour une autre génération de ce serveur."},
			Message{"Install a version that was built for this host.", "Installez une version conçue pour ce serveur."},
			[]Help{HelpInstall, HelpRollback},
		},
		"init_failed": {
			Message{"It refused to start", "Elle a refusé de démarrer"},
			Message{"Its own initialisation ended with an error, which is below.", "Sa propre initialisation s’est terminée par une erreur, indiquée ci-dessous."},
			Message{"Mend what it complains about, often its configuration or a service it needs, and try again.", "Corrigez ce dont elle se plaint, souvent sa configuration ou un service requis, et réessayez."},
			[]Help{HelpRetry, HelpConfigure, HelpRollback, HelpLogs},
		},
		"init_timeout": {
			Message{"It takes too long to start", "Elle met trop de temps à démarrer"},
			Message{"Its initialisation was not done within timeouts.start.", "Son initialisation n’était pas finie dans le délai timeouts.start."},
			Message{"A service that it needs may be slow or away. Try again, or raise timeouts.start for it.", "Un service requis est peut-être lent ou absent. Réessayez, ou augmentez timeouts.start pour elle."},
			[]Help{HelpRetry, HelpConfigure, HelpRollback, HelpLogs},
		},
		"check_failed": {
			Message{"It says that it is not well", "Elle dit ne pas aller bien"},
			Message{"It started, but its own check of its health reports a fault.", "Elle a démarré, mais son propre contrôle de santé signale un défaut."},
			Message{"What it reports is below. Mend that and try again.", "Ce qu’elle signale est ci-dessous. Corrigez-le et réessayez."},
			[]Help{HelpRetry, HelpConfigure, HelpRollback, HelpLogs},
		},
		"config_invalid": {
			Message{"Its configuration does not fit", "Sa configuration ne convient pas"},
			Message{"A setting is missing, or is not as this version wants it.", "Un réglage manque, ou n’est pas tel que cette version le veut."},
			Message{"Open its configuration and correct what is marked. It starts by itself then.", "Ouvrez sa configuration et corrigez ce qui est signalé. Elle démarrera d’elle-même."},
			[]Help{HelpConfigure, HelpRollback, HelpLogs},
		},
		"types_mismatch": {
			Message{"It answers other types than its bundle declares", "Elle répond à d’autres types que ceux déclarés par son paquet"},
			Message{"The program and the description in its bundle do not belong together.", "Le programme et la description de son paquet ne vont pas ensemble."},
			Message{"Its vendor has to pack it anew. Until then, run another version.", "Son éditeur doit refaire le paquet. D’ici là, utilisez une autre version."},
			[]Help{HelpInstall, HelpRollback},
		},
		"host_too_old": {
			Message{"It needs a newer host", "Elle exige un serveur plus récent"},
			Message{"Its manifest asks for a later version of Jackfield than this one.", "Son manifeste demande une version de Jackfield ultérieure à celle-ci."},
			Message{"Upgrade the host, or install an earlier version of the extension.", "Mettez le serveur à niveau, ou installez une version antérieure de l’extension."},
			[]Help{HelpInstall, HelpRollback},
		},
	}
}

// placeReasons are those of an extension that waits, or stands where another one is.
func placeReasons() map[string]Reason {
	return map[string]Reason{
		"copying": {
			Message{"Its file is still being copied", "Son fichier est en cours de copie"},
			Message{"The host waits until the file is complete and has stopped changing.", "Le serveur attend que le fichier soit complet et ne change plus."},
			Message{"Nothing to do: it is taken up by itself. If the copy was broken off, copy the file again.", "Rien à faire\u00a0: elle sera prise en compte d’elle-même. Si la copie a été interrompue, recopiez le fichier."},
			nil,
		},
		"starting": {
			Message{"It starts", "Elle démarre"},
			Message{"Its process is launched, initialised and checked before it gets requests.", "Son processus est lancé, initialisé et contrôlé avant de recevoir des requêtes."},
			Message{"Nothing to do: this takes seconds.", "Rien à faire\u00a0: cela prend quelques secondes."},
			nil,
		},
		"stopping": {
			Message{"It finishes its last requests", "Elle termine ses dernières requêtes"},
			Message{"It takes no new requests and stops when the present ones are answered.", "Elle ne prend plus de requêtes et s’arrête quand les dernières auront leur réponse."},
			Message{"Nothing to do: after timeouts.drain it is ended in any case.", "Rien à faire\u00a0: après timeouts.drain elle est arrêtée de toute façon."},
			nil,
		},
		"stopped": {
			Message{"It is stopped", "Elle est arrêtée"},
			Message{"It does not run, and nothing is wrong with it.", "Elle ne fonctionne pas, et rien ne cloche."},
			Message{"Enable it to have it run again.", "Activez-la pour qu’elle fonctionne à nouveau."},
			[]Help{HelpEnable},
		},
		"disabled": {
			Message{"It is switched off", "Elle est désactivée"},
			Message{"Somebody disabled it. Requests to it are answered with 503.", "Quelqu’un l’a désactivée. Les requêtes qui lui sont adressées reçoivent 503."},
			Message{"Enable it to have it run again.", "Activez-la pour qu’elle fonctionne à nouveau."},
			[]Help{HelpEnable},
		},
		"held": {
			Message{"This file waits", "Ce fichier attend"},
			Message{"Another version of the same extension runs: a pinned one, or one that is not lower.", "Une autre version de la même extension est en marche\u00a0: épinglée, ou non inférieure."},
			Message{"To run this one, unpin the extension or remove the file that wins. Otherwise remove this file.", "Pour utiliser celle-ci, désépinglez l’extension ou retirez le fichier qui l’emporte. Sinon, retirez ce fichier."},
			[]Help{HelpUnpin, HelpRemove},
		},
		"dependency_missing": {
			Message{"It needs another extension", "Elle a besoin d’une autre extension"},
			Message{"What it requires is not there, does not run, or has another version.", "Ce qu’elle exige n’est pas là, ne fonctionne pas ou n’a pas la bonne version."},
			Message{"Install or enable what is missing; it starts by itself then.", "Installez ou activez ce qui manque\u00a0; elle démarrera d’elle-même."},
			[]Help{HelpInstall},
		},
		"dependency_cycle": {
			Message{"Extensions need each other in a circle", "Des extensions dépendent les unes des autres en cercle"},
			Message{"None of them can start before the others.", "Aucune ne peut démarrer avant les autres."},
			Message{"Their vendors have to break the circle: install versions that do not need each other.", "Leurs éditeurs doivent rompre le cercle\u00a0: installez des versions sans dépendance mutuelle."},
			[]Help{HelpInstall, HelpRemove},
		},
		"id_taken": {
			Message{"Another extension has this id", "Une autre extension porte cet identifiant"},
			Message{"The two ids differ in nothing but upper and lower case. The one that runs stays.", "Les deux identifiants ne diffèrent que par la casse. Celle qui est en marche reste."},
			Message{"Remove one of the two files.", "Retirez l’un des deux fichiers."},
			[]Help{HelpRemove},
		},
		"name_taken": {
			Message{"Another extension has this name", "Une autre extension porte ce nom"},
			Message{"Names are unique on a host. The one that runs stays.", "Les noms sont uniques sur un serveur. Celle qui est en marche reste."},
			Message{"Remove one of the two files.", "Retirez l’un des deux fichiers."},
			[]Help{HelpRemove},
		},
		"type_taken": {
			Message{"Another extension answers the same type", "Une autre extension répond au même type"},
			Message{"A request type leads to one extension only. The one that runs stays.", "Un type de requête mène à une seule extension. Celle qui est en marche reste."},
			Message{"Remove one of the two files.", "Retirez l’un des deux fichiers."},
			[]Help{HelpRemove},
		},
		"no_executable": {
			Message{"It has no program for this platform", "Elle n’a pas de programme pour cette plateforme"},
			Message{"The bundle is in order, but nothing in it runs here. Which platforms it is for is said below.", "Le paquet est en ordre, mais rien n’y fonctionne ici. Les plateformes prévues sont indiquées ci-dessous."},
			Message{"Install a bundle for this platform, or remove the file.", "Installez un paquet pour cette plateforme, ou retirez le fichier."},
			[]Help{HelpInstall, HelpRemove},
		},
		"needs_consent": {
			Message{"It asks for more than it was allowed", "Elle demande plus que ce qui a été autorisé"},
			Message{"A version wants something that nobody has decided about.", "Une version veut quelque chose dont personne n’a décidé."},
			Message{"Allow what it asks if you trust it; otherwise remove its file.", "Autorisez ce qu’elle demande si vous lui faites confiance\u00a0; sinon, retirez son fichier."},
			[]Help{HelpConsent, HelpTrust, HelpRemove},
		},
	}
}
