package guidance

// trustReasons are those of a signature that does not hold, or of a signer whom nobody
// trusts.
func trustReasons() map[string]Reason {
	tampered := Message{"Do not use this file. Get it again from its publisher, over a safe way.", "N’utilisez pas ce fichier. Obtenez-le à nouveau de son éditeur, par une voie sûre."}
	whom := []Help{HelpTrust, HelpRecheck, HelpInstall, HelpRemove}
	wrong := []Help{HelpInstall, HelpTrust, HelpRemove}
	return map[string]Reason{
		"unsigned": {
			Message{"Nobody has signed it", "Personne ne l’a signée"},
			Message{"This host runs signed bundles only (trust.policy=require).", "Ce serveur n’exécute que des paquets signés (trust.policy=require)."},
			Message{"Install a signed bundle. In development, start the host with --dev.", "Installez un paquet signé. En développement, démarrez le serveur avec --dev."},
			[]Help{HelpInstall, HelpTrust, HelpRemove},
		},
		"signature_invalid": {
			Message{"Its signature is wrong", "Sa signature est fausse"},
			Message{"The bundle is not what was signed, or the signature is malformed.", "Le paquet n’est pas ce qui a été signé, ou la signature est mal formée."},
			tampered, wrong,
		},
		"entry_unsigned": {
			Message{"A part of it is not signed", "Une partie n’est pas signée"},
			Message{"Something was put into the bundle after it had been signed.", "Quelque chose a été ajouté au paquet après sa signature."},
			tampered, wrong,
		},
		"entry_missing": {
			Message{"A part of it is missing", "Une partie manque"},
			Message{"Something was taken out of the bundle after it had been signed.", "Quelque chose a été enlevé du paquet après sa signature."},
			tampered, wrong,
		},
		"weak_algorithm": {
			Message{"Its signature is too weak", "Sa signature est trop faible"},
			Message{"It uses an algorithm or a key that can be forged.", "Elle utilise un algorithme ou une clé que l’on peut falsifier."},
			Message{"Its publisher has to sign it anew.", "Son éditeur doit la signer à nouveau."},
			wrong,
		},
		"chain_untrusted": {
			Message{"Nobody here trusts its signer", "Personne ici ne reconnaît son signataire"},
			Message{"The signature holds, but leads to no root in conf/trust.", "La signature est bonne, mais ne mène à aucune racine de conf/trust."},
			Message{"If you trust the publisher, put its root certificate into conf/trust; it is checked again then.", "Si vous faites confiance à l’éditeur, placez son certificat racine dans conf/trust\u00a0; la signature sera revérifiée."},
			whom,
		},
		"chain_invalid": {
			Message{"The certificates of its signer are wrong", "Les certificats de son signataire sont incorrects"},
			Message{"A certificate in the chain does not keep the rules for those who sign extensions.", "Un certificat de la chaîne ne respecte pas les règles pour signer des extensions."},
			Message{"Its publisher needs right certificates and has to sign it anew.", "Son éditeur a besoin de certificats corrects et doit la signer à nouveau."},
			wrong,
		},
		"expired": {
			Message{"The certificate of its signer has expired", "Le certificat de son signataire a expiré"},
			Message{"It is not valid now, and no timestamp proves that it was when the bundle was signed.", "Il n’est pas valide actuellement, et aucun horodatage ne prouve qu’il l’était à la signature."},
			Message{"Install a bundle that was signed anew. Also see whether the clock of this machine is right.", "Installez un paquet signé à nouveau. Vérifiez aussi l’horloge de cette machine."},
			whom,
		},
		"revoked": {
			Message{"The certificate of its signer was revoked", "Le certificat de son signataire a été révoqué"},
			Message{"The authority has taken it back: the key may be in wrong hands.", "L’autorité l’a repris\u00a0: la clé est peut-être en de mauvaises mains."},
			Message{"Ask its publisher what happened, and install a bundle that was signed anew.", "Demandez à son éditeur ce qui s’est passé, et installez un paquet signé à nouveau."},
			[]Help{HelpInstall, HelpTrust, HelpRecheck, HelpRemove},
		},
		"revocation_unknown": {
			Message{"Nobody says whether its signer is still good", "Personne ne dit si son signataire est encore valable"},
			Message{"The authority that could say so does not answer, and this host insists (trust.revocation=hard).", "L’autorité qui le saurait ne répond pas, et ce serveur l’exige (trust.revocation=hard)."},
			Message{"See whether this machine reaches the authority, then check again.", "Vérifiez que cette machine atteint l’autorité, puis relancez la vérification."},
			[]Help{HelpRecheck, HelpTrust},
		},
		"identity_mismatch": {
			Message{"It was signed for another extension", "Elle a été signée pour une autre extension"},
			Message{"The certificate names another id than the bundle.", "Le certificat nomme un autre identifiant que le paquet."},
			tampered, wrong,
		},
		"publisher_changed": {
			Message{"Somebody else has signed it", "Quelqu’un d’autre l’a signée"},
			Message{"Earlier versions came from another publisher, or this one from nobody known.", "Les versions antérieures venaient d’un autre éditeur, ou celle-ci de personne de connu."},
			Message{"Ask both publishers. Allow the new one only if you know why it changed.", "Demandez aux deux éditeurs. N’autorisez le nouveau que si vous savez pourquoi il a changé."},
			[]Help{HelpConsent, HelpTrust, HelpRemove},
		},
	}
}
