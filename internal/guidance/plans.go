package guidance

// Plans is the table of the codes why a plan, an installation or an update from repositories,
// did not come about or was taken back, beside those of Reasons and Repositories.
func Plans() map[string]Reason {
	again := Message{"Look at the plan again, and start it once more.", "Examinez à nouveau le plan et relancez-le."}
	return map[string]Reason{
		"no_plan": {
			Message{"There is no way to do this", "Il n’y a aucun moyen de le faire"},
			Message{"No set of versions satisfies all that is asked for, what is installed and this host.", "Aucun ensemble de versions ne satisfait à la fois ce qui est demandé, ce qui est installé et ce serveur."},
			Message{"'jackfield ext plan ID' explains why, as a chain of reasons, and what would help.", "«\u00a0jackfield ext plan ID\u00a0» explique pourquoi, par une chaîne de raisons, et ce qui aiderait."}, nil,
		},
		"not_as_announced": {
			Message{"The bundle is not what its repository says", "Le paquet n’est pas ce que dit son dépôt"},
			Message{"Another id, version or permission is in the file than the index of the repository names.", "Le fichier contient un autre identifiant, une autre version ou une autre autorisation que ne l’annonce l’index du dépôt."},
			Message{"Tell whoever runs the repository; nothing of it was installed.", "Prévenez l’exploitant du dépôt\u00a0; rien n’en a été installé."}, nil,
		},
		"changed": {
			Message{"Things changed meanwhile", "La situation a changé entre-temps"},
			Message{"What is installed is not what it was when the plan was made.", "Ce qui est installé n’est plus ce que c’était quand le plan a été établi."},
			again, nil,
		},
		"superseded": {
			Message{"Somebody put another version there", "Quelqu’un y a mis une autre version"},
			Message{"An upload, a file in the folder or a removal went before the plan.", "Un envoi, un fichier du dossier ou un retrait est passé avant le plan."},
			Message{"See in the audit trail who it was; look at the plan again if it is still wanted.", "Voyez dans le journal d’audit de qui il s’agit\u00a0; réexaminez le plan s’il est toujours voulu."}, nil,
		},
		"canceled": {
			Message{"Somebody canceled it", "Quelqu’un l’a annulé"},
			Message{"The plan was ended before anything of it landed.", "Le plan a été arrêté avant que rien n’en soit installé."},
			Message{"Start it once more if that was not meant.", "Relancez-le si ce n’était pas voulu."}, nil,
		},
		"deadline_exceeded": {
			Message{"It took too long", "Cela a pris trop de temps"},
			Message{"A download stood still, or what had landed did not become healthy in time.", "Un téléchargement n’avançait plus, ou ce qui était installé n’est pas devenu sain à temps."},
			Message{"See whether the repository answers and the extension starts; then start it once more: what has come is kept.", "Vérifiez que le dépôt répond et que l’extension démarre\u00a0; puis relancez\u00a0: ce qui est arrivé est conservé."}, nil,
		},
		"too_large": {
			Message{"The bundle is too large", "Le paquet est trop volumineux"},
			Message{"It is larger than bundle.max_bytes allows.", "Il dépasse ce que permet bundle.max_bytes."},
			Message{"Raise bundle.max_bytes, or ask its publisher for a smaller one.", "Relevez bundle.max_bytes, ou demandez à son éditeur un paquet plus petit."}, nil,
		},
		"disk_full": {
			Message{"The disk is full", "Le disque est plein"},
			Message{"There is no room in the home folder for what is to be installed.", "Il n’y a pas de place dans le dossier du serveur pour ce qui doit être installé."},
			Message{"Make room, and start it once more.", "Faites de la place, puis relancez."}, nil,
		},
		"internal": {
			Message{"The host made a mistake", "Le serveur a commis une erreur"},
			Message{"Something of this machine did not work: the disk, for one.", "Quelque chose n’a pas fonctionné sur cette machine\u00a0: le disque, par exemple."},
			Message{"The log of the host says more.", "Le journal du serveur en dit plus."}, nil,
		},
		"interrupted": {
			Message{"Its record is from a backup", "Sa trace provient d’une sauvegarde"},
			Message{"The database was restored while the plan was under way: nobody knows how far it had come.", "La base de données a été restaurée pendant l’exécution du plan\u00a0: nul ne sait jusqu’où il était allé."},
			Message{"See what is installed, and plan anew what is missing.", "Voyez ce qui est installé et planifiez à nouveau ce qui manque."}, nil,
		},
		"another_step": {
			Message{"Another part of its plan failed", "Une autre partie de son plan a échoué"},
			Message{"All of a plan is done, or nothing: this part is as it was before.", "Un plan est fait entièrement ou pas du tout\u00a0: cette partie est comme avant."},
			Message{"See the part that failed.", "Voyez la partie qui a échoué."}, nil,
		},
		"unmet": {
			Message{"A requirement does not hold", "Une exigence n’est pas remplie"},
			Message{"It did not hold before either, and nothing that was found mends it.", "Elle ne l’était pas non plus auparavant, et rien de ce qui a été trouvé n’y remédie."},
			Message{"Install or update what it names, where a repository has it.", "Installez ou mettez à jour ce qu’elle nomme, si un dépôt le propose."}, nil,
		},
	}
}
