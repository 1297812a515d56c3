package guidance

// Repositories is the table of the codes why a repository, or something of it, is not taken.
func Repositories() map[string]Reason {
	attack := Message{
		"Find out who stands between: a proxy, a mirror, the network. What was read before stays in use until it runs out.",
		"Cherchez qui se trouve entre les deux\u00a0: un mandataire, un miroir, le réseau. Ce qui a été lu avant reste en usage jusqu’à son échéance.",
	}
	away := Message{
		"See whether this machine reaches the address (name resolution, proxy, firewall); it is tried again by itself.",
		"Vérifiez que cette machine atteint l’adresse (résolution de noms, mandataire, pare-feu)\u00a0; un nouvel essai a lieu de lui-même.",
	}
	moved := Message{
		"Ask who runs it, and not over this network. If they have moved the store to another name, 'jackfield ext repo forget NAME' lets this host take it. If they know of nothing, it is an attack: forget nothing, and find out who stands between.",
		"Demandez à son exploitant, mais pas par ce réseau. S’il a changé le nom du dépôt, «\u00a0jackfield ext repo forget NOM\u00a0» permet à ce serveur de l’accepter. S’il n’en sait rien, c’est une attaque\u00a0: ne faites rien oublier, et cherchez qui se trouve entre les deux.",
	}
	restored := Message{
		"Ask who runs it, and not over this network. If they have restored the store from a backup, 'jackfield ext repo forget NAME' lets this host take the older catalogue. If they have not, it is an attack that hides corrections: forget nothing, and find out who stands between.",
		"Demandez à son exploitant, mais pas par ce réseau. S’il a restauré le dépôt d’une sauvegarde, «\u00a0jackfield ext repo forget NOM\u00a0» permet à ce serveur d’accepter l’ancien catalogue. Sinon, c’est une attaque qui cache des corrections\u00a0: ne faites rien oublier, et cherchez qui se trouve entre les deux.",
	}
	anew := Message{"Plan the installation anew.", "Planifiez à nouveau l’installation."}
	return map[string]Reason{
		"index_unreachable": {
			Message{"The repository does not answer", "Le dépôt ne répond pas"},
			Message{"Nobody answers at its address, or only with an error.", "Personne ne répond à son adresse, ou seulement par une erreur."},
			away, nil,
		},
		"index_too_slow": {
			Message{"The repository is too slow", "Le dépôt est trop lent"},
			Message{"What it sends came slower than 16 KiB a second, or not at all.", "Ses données arrivaient à moins de 16\u00a0Kio par seconde, ou pas du tout."},
			away, nil,
		},
		"index_missing": {
			Message{"A part of the repository is missing", "Une partie du dépôt manque"},
			Message{"Its index names something that is not there; of an exported folder or file it may be all.", "Son index nomme quelque chose qui n’est pas là\u00a0; pour un dossier ou fichier exporté, ce peut être le tout."},
			Message{"See whether url leads to the right place, and is mounted; export again what was copied in part.", "Vérifiez que url mène au bon endroit et que celui-ci est monté\u00a0; exportez à nouveau ce qui a été copié en partie."}, nil,
		},
		"index_malformed": {
			Message{"What the repository says makes no sense", "Ce que dit le dépôt n’a pas de sens"},
			Message{"It is not the document that it should be: perhaps the page of a proxy, or of another kind of server.", "Ce n’est pas le document attendu\u00a0: peut-être la page d’un mandataire ou d’un autre type de serveur."},
			Message{"Open its url in a browser on this machine; see whether kind is right.", "Ouvrez son url dans un navigateur sur cette machine\u00a0; vérifiez que kind est juste."}, nil,
		},
		"index_too_large": {
			Message{"The repository sends more than it may", "Le dépôt envoie plus que permis"},
			Message{"More came than was announced, or than such a document may have; the rest was not read.", "Il est venu plus que ce qui était annoncé, ou que ce qu’un tel document peut avoir\u00a0; le reste n’a pas été lu."},
			attack, nil,
		},
		"index_untrusted": {
			Message{"Nobody here vouches for the repository", "Personne ici ne se porte garant du dépôt"},
			Message{"Its index is signed, but by a store whose certificate no root of this repository has issued, or that was revoked.", "Son index est signé, mais par un dépôt dont le certificat n’a été émis par aucune racine de ce dépôt, ou a été révoqué."},
			Message{"Get the root certificate from who runs the store, over a safe way, and name its file in repository.NAME.root.", "Obtenez le certificat racine de l’exploitant, par une voie sûre, et nommez son fichier dans repository.NAME.root."}, nil,
		},
		"index_forged": {
			Message{"The index of the repository is forged", "L’index du dépôt est falsifié"},
			Message{"Its signature is wrong, or not that of a store: somebody has changed it on its way.", "Sa signature est fausse ou n’est pas celle d’un dépôt\u00a0: quelqu’un l’a modifié en chemin."},
			attack, nil,
		},
		"index_other_store": {
			Message{"Another store answers than before", "Un autre dépôt répond qu’auparavant"},
			Message{"The same root vouches for it, but its name is another one.", "La même racine s’en porte garante, mais son nom est autre."},
			moved, nil,
		},
		"index_rolled_back": {
			Message{"The repository shows an old catalogue", "Le dépôt montre un ancien catalogue"},
			Message{"This host has seen a newer one: somebody hides what came since, or the store was restored from a backup.", "Ce serveur en a vu un plus récent\u00a0: quelqu’un cache la suite, ou le dépôt a été restauré d’une sauvegarde."},
			restored, nil,
		},
		"index_expired": {
			Message{"What is known of the repository has run out", "Ce qui est connu du dépôt est échu"},
			Message{"No newer index came in time: the store has stopped, or somebody holds newer ones back. Nothing is installed from it meanwhile.", "Aucun index plus récent n’est arrivé à temps\u00a0: le dépôt est arrêté, ou quelqu’un retient les nouveaux. Rien n’en est installé entre-temps."},
			Message{"Refresh it with 'jackfield ext repo refresh NAME'; if it stays so, ask who runs it. Also see the clock of this machine.", "Actualisez-le avec «\u00a0jackfield ext repo refresh NOM\u00a0»\u00a0; si cela persiste, demandez à son exploitant. Vérifiez aussi l’horloge de cette machine."}, nil,
		},
		"index_future": {
			Message{"A clock is wrong", "Une horloge est fausse"},
			Message{"The index says that it was signed in the future.", "L’index dit avoir été signé dans le futur."},
			Message{"Set the clock of this machine; if it is right, tell who runs the store.", "Réglez l’horloge de cette machine\u00a0; si elle est juste, prévenez l’exploitant du dépôt."}, nil,
		},
		"index_mixed": {
			Message{"Parts of the repository do not belong together", "Des parties du dépôt ne vont pas ensemble"},
			Message{"There are two catalogues with one number, or parts of several.", "Il y a deux catalogues de même numéro, ou des parties de plusieurs."},
			attack, nil,
		},
		"index_wrong_digest": {
			Message{"Something was changed on its way", "Quelque chose a été modifié en chemin"},
			Message{"What came has another digest than the signed index says; it was thrown away.", "Ce qui est venu a une autre empreinte que ne dit l’index signé\u00a0; cela a été jeté."},
			attack, nil,
		},
		"index_unknown": {
			Message{"No repository has it", "Aucun dépôt ne l’a"},
			Message{"The signed index names no such extension, version or file.", "L’index signé ne nomme aucune extension, version ou fichier de ce genre."},
			Message{"Search for it with 'jackfield ext search'; see with 'jackfield ext repo list' whether every repository could be read.", "Cherchez-la avec «\u00a0jackfield ext search\u00a0»\u00a0; voyez avec «\u00a0jackfield ext repo list\u00a0» si chaque dépôt a pu être lu."}, nil,
		},
		"redirect_refused": {
			Message{"The repository leads elsewhere", "Le dépôt mène ailleurs"},
			Message{"It redirects to another scheme, host or port, or without end; that is not followed.", "Il redirige vers un autre schéma, hôte ou port, ou sans fin\u00a0; cela n’est pas suivi."},
			Message{"If that is where it lives now, set repository.NAME.url to it.", "Si c’est là qu’il se trouve désormais, mettez cette adresse dans repository.NAME.url."}, nil,
		},
		"root_invalid": {
			Message{"The file with its root can not be used", "Le fichier de sa racine est inutilisable"},
			Message{"The file of repository.NAME.root is missing, is no certificate of a root, or has expired.", "Le fichier de repository.NAME.root manque, n’est pas un certificat racine, ou a expiré."},
			Message{"Put the right file there; it is read again at the next look.", "Placez-y le bon fichier\u00a0; il sera relu à la prochaine lecture."}, nil,
		},
		"memory_unreadable": {
			Message{"What was seen of it can not be read", "Ce qui en a été vu est illisible"},
			Message{"A file below data/repositories is damaged, or can not be written; without it an old catalogue would pass.", "Un fichier sous data/repositories est abîmé, ou ne peut être écrit\u00a0; sans lui un ancien catalogue passerait."},
			Message{"See to the disk. Take the file from a backup; or have this host forget what it knows with 'jackfield ext repo forget NAME', after which it takes an older catalogue, too.", "Vérifiez le disque. Reprenez le fichier d’une sauvegarde\u00a0; ou faites oublier à ce serveur ce qu’il en sait avec «\u00a0jackfield ext repo forget NOM\u00a0», après quoi il accepte aussi un ancien catalogue."}, nil,
		},
		"release_gone": {
			Message{"It is not offered any more", "Elle n’est plus offerte"},
			Message{"Since it was planned, the version was withdrawn, revoked or replaced, or its repository was taken away.", "Depuis la planification, la version a été retirée, révoquée ou remplacée, ou son dépôt a été enlevé."},
			anew, nil,
		},
		"zip_untrusted": {
			Message{"Nobody trusted has signed the ZIP", "Aucune personne de confiance n’a signé le ZIP"},
			Message{"A ZIP of a repository of Jameica's is not signed, is signed wrongly, or by another than before.", "Un ZIP d’un dépôt de Jameica n’est pas signé, l’est mal, ou par un autre qu’auparavant."},
			Message{"Name who may sign in repository.NAME.root. Where the signer is another one than before, and who runs the repository says that this is right: 'jackfield ext repo forget NAME'.", "Nommez qui peut signer dans repository.NAME.root. Si le signataire est autre qu’auparavant et que l’exploitant du dépôt le confirme\u00a0: «\u00a0jackfield ext repo forget NOM\u00a0»."}, nil,
		},
		"no_bundle": {
			Message{"It is nothing for this host", "Ce n’est rien pour ce serveur"},
			Message{"A ZIP of a repository of Jameica's has no bundle in it with the id and the version that it is listed by.", "Un ZIP d’un dépôt de Jameica ne contient aucun paquet de l’identifiant et de la version sous lesquels il est listé."},
			Message{"Install it in Jameica, or ask its publisher for a bundle.", "Installez-la dans Jameica, ou demandez un paquet à son éditeur."}, nil,
		},
	}
}
