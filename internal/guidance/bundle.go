package guidance

// replace is what helps against a file that no host takes.
func replace() []Help { return []Help{HelpInstall, HelpRemove, HelpRetry} }

// damaged and ambiguous are what follows from most faults of a file.
func damaged() Message {
	return Message{"Copy or download the file again; if it stays so, its vendor has to pack it anew.", "Copiez ou téléchargez le fichier à nouveau\u00a0; si cela persiste, son éditeur doit refaire le paquet."}
}

func ambiguous() Message {
	return Message{"Do not use this file. Its vendor has to pack it anew.", "N’utilisez pas ce fichier. Son éditeur doit refaire le paquet."}
}

// bundleReasons are those of a container that is not accepted.
func bundleReasons() map[string]Reason {
	return map[string]Reason{
		"unreadable": {
			Message{"Its file can not be read", "Son fichier est illisible"},
			Message{"The system refuses to give the file to the host.", "Le système refuse de donner le fichier au serveur."},
			Message{"See to the permissions of the file and to the disk, then try again.", "Vérifiez les droits du fichier et le disque, puis réessayez."},
			[]Help{HelpRetry, HelpRemove},
		},
		"too_big": {
			Message{"Its file is too large", "Son fichier est trop volumineux"},
			Message{"It is over the limit bundle.max_bytes.", "Il dépasse la limite bundle.max_bytes."},
			Message{"Raise bundle.max_bytes if you trust it, or have it made smaller.", "Augmentez bundle.max_bytes si vous lui faites confiance, ou faites-le réduire."},
			replace(),
		},
		"not_zip": {
			Message{"This is no bundle", "Ce n’est pas un paquet"},
			Message{"The file ends in .jar but is no ZIP archive.", "Le fichier se termine par .jar mais n’est pas une archive ZIP."},
			Message{"Remove it, or put the right file in its place.", "Retirez-le, ou mettez le bon fichier à sa place."},
			[]Help{HelpRemove, HelpInstall, HelpRetry},
		},
		"truncated": {
			Message{"Its file is cut off", "Son fichier est tronqué"},
			Message{"It begins like a bundle and has no end: the copy was broken off.", "Il commence comme un paquet et n’a pas de fin\u00a0: la copie a été interrompue."},
			Message{"Copy the file again.", "Copiez le fichier à nouveau."},
			replace(),
		},
		"prefix_data": {
			Message{"Something stands before its archive", "Quelque chose précède son archive"},
			Message{"Two programs could read two different things in this file.", "Deux programmes pourraient y lire deux choses différentes."},
			ambiguous(), replace(),
		},
		"trailing_data": {
			Message{"Something stands behind its archive", "Quelque chose suit son archive"},
			Message{"Two programs could read two different things in this file.", "Deux programmes pourraient y lire deux choses différentes."},
			ambiguous(), replace(),
		},
		"multiple_eocd": {
			Message{"Its file holds two archives", "Son fichier contient deux archives"},
			Message{"Two programs could read two different things in this file.", "Deux programmes pourraient y lire deux choses différentes."},
			ambiguous(), replace(),
		},
		"zip64_bad": {
			Message{"Its archive contradicts itself", "Son archive se contredit"},
			Message{"Its 64-bit records and its plain ones do not agree.", "Ses enregistrements 64 bits et les autres ne concordent pas."},
			ambiguous(), replace(),
		},
		"directory_bad": {
			Message{"The directory of its archive is wrong", "Le répertoire de son archive est faux"},
			Message{"It does not describe what the file holds.", "Il ne décrit pas ce que contient le fichier."},
			damaged(), replace(),
		},
		"encrypted": {
			Message{"Its archive is encrypted", "Son archive est chiffrée"},
			Message{"Bundles are read by everybody and never encrypted.", "Un paquet est lisible par tous et jamais chiffré."},
			ambiguous(), replace(),
		},
		"multi_disk": {
			Message{"This is a part of an archive", "Ce n’est qu’une partie d’archive"},
			Message{"The archive was split into several files.", "L’archive a été divisée en plusieurs fichiers."},
			Message{"Put the whole bundle there, as one file.", "Déposez le paquet entier, en un seul fichier."},
			replace(),
		},
		"duplicate_name": {
			Message{"Two of its entries have one name", "Deux de ses entrées portent le même nom"},
			Message{"Two programs could read two different things in this file.", "Deux programmes pourraient y lire deux choses différentes."},
			ambiguous(), replace(),
		},
		"local_central_mismatch": {
			Message{"Its archive contradicts itself", "Son archive se contredit"},
			Message{"An entry is described in two ways that do not agree.", "Une entrée est décrite de deux façons qui ne concordent pas."},
			ambiguous(), replace(),
		},
		"overlap": {
			Message{"Entries of its archive overlap", "Des entrées de son archive se chevauchent"},
			Message{"This is how archives are made that unpack to more than anybody has room for.", "C’est ainsi que l’on fait des archives qui, décompressées, ne tiennent nulle part."},
			ambiguous(), replace(),
		},
		"gap": {
			Message{"Its archive has a gap", "Son archive a un trou"},
			Message{"There are bytes in it that belong to no entry.", "Elle contient des octets qui n’appartiennent à aucune entrée."},
			ambiguous(), replace(),
		},
		"extra_bad": {
			Message{"A field of its archive is malformed", "Un champ de son archive est mal formé"},
			Message{"An entry carries additional data that can not be read, or another name.", "Une entrée porte des données supplémentaires illisibles, ou un autre nom."},
			ambiguous(), replace(),
		},
		"unsafe_path": {
			Message{"It holds a dangerous file name", "Il contient un nom de fichier dangereux"},
			Message{"A name in it leads out of its folder, or can not be seen for what it is.", "Un nom y mène hors de son dossier, ou ne se laisse pas voir tel qu’il est."},
			ambiguous(), replace(),
		},
		"special_file": {
			Message{"It holds a link or a device", "Il contient un lien ou un périphérique"},
			Message{"Bundles have files and folders only.", "Un paquet n’a que des fichiers et des dossiers."},
			ambiguous(), replace(),
		},
		"method_unsupported": {
			Message{"It is compressed in an unknown way", "Sa compression est inconnue"},
			Message{"Entries are stored or deflated; another method is not read.", "Les entrées sont stockées ou «\u00a0deflate\u00a0»\u00a0; une autre méthode n’est pas lue."},
			ambiguous(), replace(),
		},
		"too_many_entries": {
			Message{"It holds too many files", "Il contient trop de fichiers"},
			Message{"A bundle has at most 65 535 entries.", "Un paquet a au plus 65\u202f535 entrées."},
			ambiguous(), replace(),
		},
		"entry_too_big": {
			Message{"A file in it is too large", "Un de ses fichiers est trop volumineux"},
			Message{"One entry unpacks to at most 512 MiB.", "Une entrée décompressée fait au plus 512\u202fMio."},
			ambiguous(), replace(),
		},
		"total_too_big": {
			Message{"It unpacks to too much", "Décompressé, il est trop volumineux"},
			Message{"All entries together unpack to at most 1 GiB.", "L’ensemble décompressé fait au plus 1\u202fGio."},
			ambiguous(), replace(),
		},
		"ratio_too_high": {
			Message{"It is packed suspiciously tight", "Sa compression est suspecte"},
			Message{"An entry unpacks to over 200 times its size, as in archives made to fill disks.", "Une entrée décompressée fait plus de 200 fois sa taille, comme dans les archives faites pour remplir les disques."},
			ambiguous(), replace(),
		},
		"data_corrupt": {
			Message{"Its data are damaged", "Ses données sont endommagées"},
			Message{"An entry can not be unpacked to what it says it is.", "Une entrée ne se décompresse pas en ce qu’elle annonce."},
			damaged(), replace(),
		},
		"crc_mismatch": {
			Message{"Its data are damaged", "Ses données sont endommagées"},
			Message{"The checksum of an entry is another than it should be.", "La somme de contrôle d’une entrée n’est pas celle attendue."},
			damaged(), replace(),
		},
	}
}

// contentReasons are those of what a bundle says of itself.
func contentReasons() map[string]Reason {
	return map[string]Reason{
		"no_manifest": {
			Message{"It has no manifest", "Il n’a pas de manifeste"},
			Message{"The archive has no META-INF/MANIFEST.MF, so nobody knows what it is.", "L’archive n’a pas de META-INF/MANIFEST.MF\u00a0; personne ne sait ce que c’est."},
			Message{"It is probably no extension: remove it.", "Ce n’est sans doute pas une extension\u00a0: retirez-le."},
			[]Help{HelpRemove, HelpInstall},
		},
		"multiple_manifest": {
			Message{"It has two manifests", "Il a deux manifestes"},
			Message{"Two programs could read two different things in this file.", "Deux programmes pourraient y lire deux choses différentes."},
			ambiguous(), replace(),
		},
		"manifest_invalid": {
			Message{"Its manifest is wrong", "Son manifeste est incorrect"},
			Message{"A line of it is missing or not as it has to be; which one is said below.", "Une ligne manque ou n’est pas conforme\u00a0; laquelle est indiquée ci-dessous."},
			Message{"Its author has to correct the manifest and pack it again.", "Son auteur doit corriger le manifeste et refaire le paquet."},
			replace(),
		},
		"types_invalid": {
			Message{"Its types are described wrongly", "Ses types sont mal décrits"},
			Message{"META-INF/extension/types.json is not as it has to be; where is said below.", "META-INF/extension/types.json n’est pas conforme\u00a0; l’endroit est indiqué ci-dessous."},
			Message{"Its author has to correct it and pack it again.", "Son auteur doit le corriger et refaire le paquet."},
			replace(),
		},
		"schema_invalid": {
			Message{"The schema of its configuration is wrong", "Le schéma de sa configuration est incorrect"},
			Message{"META-INF/extension/config.schema.json is not as it has to be; where is said below.", "META-INF/extension/config.schema.json n’est pas conforme\u00a0; l’endroit est indiqué ci-dessous."},
			Message{"Its author has to correct it and pack it again.", "Son auteur doit le corriger et refaire le paquet."},
			replace(),
		},
	}
}
