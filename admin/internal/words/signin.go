package words

// signInWords are about coming in, passwords, and the pages that extensions bring.
func signInWords() catalog {
	return catalog{
		"sign-in.title":         {"Sign in", "Connexion"},
		"sign-in.about":         {"Extensions of this server, at a glance and in hand.", "Les extensions de ce serveur, d’un coup d’œil et bien en main."},
		"sign-in.name":          {"Name", "Nom"},
		"sign-in.password":      {"Password", "Mot de passe"},
		"sign-in.first":         {"The first time the name is admin; its password is in {0}.", "La première fois, le nom est admin\u00a0; son mot de passe se trouve dans {0}."},
		"sign-in.password-far":  {"conf/initial-admin-password in the home folder of the host", "conf/initial-admin-password dans le dossier du serveur"},
		"sign-in.openid":        {"Sign in with your organization", "Se connecter avec votre organisation"},
		"sign-in.with-token":    {"Use the administrator’s token", "Utiliser le jeton de l’administrateur"},
		"sign-in.with-token.go": {"Sign in with the token", "Se connecter avec le jeton"},
		"sign-in.token":         {"Administrator’s token", "Jeton de l’administrateur"},
		"sign-in.where":         {"It is the content of {0}.", "C’est le contenu de {0}."},
		"sign-in.token-far":     {"conf/admin.token in the home folder of the host", "conf/admin.token dans le dossier du serveur"},
		"sign-in.refused":       {"This is not right. Check what you have typed and try again.", "Ce n’est pas correct. Vérifiez votre saisie et réessayez."},
		"sign-in.not-allowed":   {"You may not sign in here.", "Vous n’êtes pas autorisé à vous connecter ici."},
		"sign-in.invalid":       {"This was not accepted.", "Cela n’a pas été accepté."},
		"sign-in.unavailable":   {"Nobody can sign in just now. Try again in a moment.", "Personne ne peut se connecter pour l’instant. Réessayez dans un moment."},
		"sign-in.wait":          {"There were too many wrong tries. Wait {0} second and try again.|There were too many wrong tries. Wait {0} seconds and try again.", "Trop de tentatives erronées. Attendez {0} seconde et réessayez.|Trop de tentatives erronées. Attendez {0} secondes et réessayez."},
		"sign-in.done":          {"Signed in", "Connecté"},
		"sign-in.onward":        {"Go on to the extensions", "Continuer vers les extensions"},

		"password.title":  {"Change password", "Changer le mot de passe"},
		"password.must":   {"Somebody else has set the password of {0}. Choose one that only you know.", "Quelqu’un d’autre a défini le mot de passe de {0}. Choisissez-en un que vous seul connaissez."},
		"password.old":    {"Password until now", "Mot de passe actuel"},
		"password.new":    {"New password", "Nouveau mot de passe"},
		"password.rule":   {"At least 12 characters; several words are easy to remember.", "Au moins 12 caractères\u00a0; plusieurs mots sont faciles à retenir."},
		"password.again":  {"New password once more", "Nouveau mot de passe, encore une fois"},
		"password.others": {"All other sessions of yours end.", "Toutes vos autres sessions se terminent."},
		"password.none":   {"You have not signed in with a password, so there is none to change here.", "Vous ne vous êtes pas connecté avec un mot de passe\u00a0: il n’y en a aucun à changer ici."},
		"password.differ": {"The two new passwords differ.", "Les deux nouveaux mots de passe diffèrent."},
		"password.wrong":  {"The password until now is not right.", "Le mot de passe actuel n’est pas correct."},
	}
}
