// Package words is what the pages of a store say, in English and French. In gives the words
// of a language; package language has what can be asked of them. A new page adds a function
// with its messages, and a line in catalogs.
package words

import "github.com/jackfield-host/jackfield/internal/language"

// In returns the words of a language.
func In(l language.Language) *language.Words { return language.New(l, catalogs()...) }

func catalogs() []language.Catalog {
	return []language.Catalog{frame(), front(), listing(), release(), notices(), install(), publisher(), submissions(), about()}
}

// frame is what every page shows around its content, and what belongs to none.
func frame() language.Catalog {
	return language.Catalog{
		"frame.skip":       {"Skip to content", "Aller au contenu"},
		"frame.navigation": {"Main", "Principale"},
		"frame.trail":      {"Where you are", "Vous êtes ici"},
		"frame.language":   {"Language", "Langue"},
		"frame.version":    {"Jackfield {0}", "Jackfield {0}"},
		"frame.feed":       {"Feed of new releases", "Flux des nouvelles versions"},
		"frame.cookies":    {"No scripts, nothing loaded from elsewhere.", "Aucun script, rien de chargé d’ailleurs."},

		"nav.extensions":  {"Extensions", "Extensions"},
		"nav.labels":      {"Labels", "Étiquettes"},
		"nav.submissions": {"Submissions", "Soumissions"},
		"nav.about":       {"About", "À propos"},

		"pages.label": {"Pages", "Pages"},
		"pages.first": {"First page", "Première page"},
		"pages.next":  {"Next page", "Page suivante"},

		"error.400":      {"This address can not be read", "Cette adresse est illisible"},
		"error.403":      {"This form came from another site", "Ce formulaire vient d’un autre site"},
		"error.404":      {"There is nothing here", "Il n’y a rien ici"},
		"error.405":      {"Not in this way", "Pas de cette façon"},
		"error.500":      {"The store made a mistake", "Le magasin a commis une erreur"},
		"error.next.400": {"Start from the list of extensions.", "Repartez de la liste des extensions."},
		"error.next.403": {"Nothing was done. Open the page here and send the form from it.", "Rien n’a été fait. Ouvrez la page ici et envoyez le formulaire depuis celle-ci."},
		"error.next.404": {"The address may be misspelled, or what was here has been removed. Search for it:", "L’adresse est peut-être mal écrite, ou ce qui s’y trouvait a été retiré. Cherchez-le\u00a0:"},
		"error.next.405": {"This page can only be looked at.", "Cette page se consulte seulement."},
		"error.next.500": {"It has been noted in the store’s log. Try again in a moment.", "Elle a été notée dans le journal du magasin. Réessayez dans un instant."},

		"format.bundle":    {"Jackfield", "Jackfield"},
		"format.jpl":       {"Jami", "Jami"},
		"format.jameica":   {"Jameica", "Jameica"},
		"channel.beta":     {"beta", "bêta"},
		"state.deprecated": {"deprecated", "obsolète"},
		"state.withdrawn":  {"withdrawn", "retirée"},
		"state.taken_down": {"taken down", "supprimée"},
		"state.revoked":    {"revoked", "révoquée"},
	}
}

// front is the list of extensions, and what its cards say.
func front() language.Catalog {
	return language.Catalog{
		"front.title":     {"Extensions", "Extensions"},
		"front.lead":      {"Find what your server lacks. Every release is checked, signed by its publisher, and named by its digest.", "Trouvez ce qui manque à votre serveur. Chaque version est vérifiée, signée par son éditeur et désignée par son empreinte."},
		"front.count":     {"{0} extension|{0} extensions", "{0} extension|{0} extensions"},
		"front.results":   {"Results for “{0}”", "Résultats pour «\u00a0{0}\u00a0»"},
		"front.list":      {"List of extensions", "Liste des extensions"},
		"search.label":    {"Search", "Rechercher"},
		"search.hint":     {"Name, purpose or type", "Nom, usage ou type"},
		"filter.platform": {"Platform", "Plateforme"},
		"filter.label":    {"Label", "Étiquette"},
		"filter.format":   {"For", "Pour"},
		"filter.sort":     {"Sort by", "Trier par"},
		"filter.any":      {"any", "toutes"},
		"filter.all":      {"all", "tous"},
		"filter.clear":    {"Clear all", "Tout effacer"},
		"sort.published":  {"latest release", "version la plus récente"},
		"sort.name":       {"name", "nom"},
		"sort.downloads":  {"downloads", "téléchargements"},
		"empty.title":     {"No extension is like that", "Aucune extension ne correspond"},
		"empty.text":      {"Search for something else, or take a filter away.", "Cherchez autre chose, ou retirez un filtre."},
		"empty.store":     {"Nothing is published here yet", "Rien n’est encore publié ici"},
		"empty.publish":   {"A publisher sends the first one with this command:", "Un éditeur envoie la première avec cette commande\u00a0:"},
		"card.version":    {"version {0}", "version {0}"},
		"card.downloads":  {"{0} download|{0} downloads", "{0} téléchargement|{0} téléchargements"},
		"trust.signed":    {"signed", "signée"},
		"trust.host":      {"signed, {0}", "signée, {0}"},
		"trust.unsigned":  {"not signed", "non signée"},
		"labels.title":    {"Labels", "Étiquettes"},
		"labels.lead":     {"What publishers and this store say extensions are about.", "Ce que les éditeurs et ce magasin disent des extensions."},
		"labels.none":     {"No extension has a label yet.", "Aucune extension n’a encore d’étiquette."},
		"platforms.title": {"Platforms", "Plateformes"},
	}
}

// publisher is the page of one.
func publisher() language.Catalog {
	return language.Catalog{
		"publisher.title":   {"Publisher {0}", "Éditeur {0}"},
		"publisher.host":    {"Domain in its certificate", "Domaine dans son certificat"},
		"publisher.no-host": {"none: certificates of this format name no domain", "aucun\u00a0: les certificats de ce format n’en nomment pas"},
		"publisher.pin":     {"Public key", "Clé publique"},
		"publisher.about":   {"Hosts remember this key at the first installation, and ask before they take an update that another has signed.", "Les serveurs retiennent cette clé à la première installation, et demandent confirmation avant d’accepter une mise à jour signée par une autre."},
		"publisher.list":    {"Extensions of this publisher", "Extensions de cet éditeur"},
	}
}

// submissions are the pages for those who publish.
func submissions() language.Catalog {
	return language.Catalog{
		"submissions.title":              {"Submissions", "Soumissions"},
		"submissions.how":                {"How to publish", "Comment publier"},
		"submissions.how-token":          {"An administrator of this store adds your organization and gives you a token.", "Un administrateur de ce magasin ajoute votre organisation et vous donne un jeton."},
		"submissions.how-sign":           {"Sign the bundle with the key of your organization:", "Signez le paquet avec la clé de votre organisation\u00a0:"},
		"submissions.how-publish":        {"Send it:", "Envoyez-le\u00a0:"},
		"submissions.list":               {"What was sent", "Ce qui a été envoyé"},
		"submissions.closed":             {"Whoever has a token sees what became of what they sent. The browser asks for a name and a password: the password is the token, the name does not matter.", "Qui possède un jeton voit ce que sont devenus ses envois. Le navigateur demande un nom et un mot de passe\u00a0: le mot de passe est le jeton, le nom est sans importance."},
		"submissions.open":               {"See what was sent", "Voir ce qui a été envoyé"},
		"submissions.of":                 {"Of {0}", "De {0}"},
		"submissions.of-all":             {"Of all publishers", "De tous les éditeurs"},
		"submissions.none":               {"Nothing has been sent yet.", "Rien n’a encore été envoyé."},
		"submissions.file":               {"File", "Fichier"},
		"submissions.extension":          {"Extension", "Extension"},
		"submissions.state":              {"State", "État"},
		"submissions.organization":       {"Organization", "Organisation"},
		"submissions.sent":               {"Sent", "Envoyée"},
		"submissions.older":              {"Older", "Plus anciennes"},
		"submission.title":               {"Submission {0}", "Soumission {0}"},
		"submission.problems":            {"Why it was not accepted", "Pourquoi elle n’a pas été acceptée"},
		"submission.warnings":            {"Accepted, but", "Acceptée, mais"},
		"submission.code":                {"Code {0}", "Code {0}"},
		"submission.entry":               {"Entry {0}", "Entrée {0}"},
		"submission.entry-line":          {"Entry {0}, line {1}", "Entrée {0}, ligne {1}"},
		"submission.digest":              {"Digest", "Empreinte"},
		"submission.source":              {"Came by", "Arrivée par"},
		"submission.updated":             {"Last change", "Dernière modification"},
		"submission.state.submitted":     {"waiting", "en attente"},
		"submission.state.checking":      {"being checked", "en cours de vérification"},
		"submission.state.needs_changes": {"needs changes", "à corriger"},
		"submission.state.in_review":     {"in review", "en revue"},
		"submission.state.approved":      {"approved", "approuvée"},
		"submission.state.published":     {"published", "publiée"},
	}
}

// about is the page of the store itself.
func about() language.Catalog {
	return language.Catalog{
		"about.title":            {"About this store", "À propos de ce magasin"},
		"about.lead":             {"{0} lists extensions for servers and clients. What it lists is signed, so that no mirror on the way can change, hold back or roll back what you see.", "{0} recense des extensions pour serveurs et clients. Ce qu’il recense est signé, afin qu’aucun miroir en chemin ne puisse modifier, retenir ou faire reculer ce que vous voyez."},
		"about.use":              {"Use it from a Jackfield host", "L’utiliser depuis un serveur Jackfield"},
		"about.use-root":         {"Save the root certificate of this store in the host’s folder {0}, after you have compared its fingerprint with one that you were given by another way.", "Enregistrez le certificat racine de ce magasin dans le dossier {0} du serveur, après avoir comparé son empreinte avec celle qui vous a été donnée par une autre voie."},
		"about.use-keys":         {"Add to {0}:", "Ajoutez à {0}\u00a0:"},
		"about.root":             {"Root certificate", "Certificat racine"},
		"about.subject":          {"Name", "Nom"},
		"about.fingerprint":      {"Fingerprint (SHA-256)", "Empreinte (SHA-256)"},
		"about.expires":          {"Valid until", "Valable jusqu’au"},
		"about.download":         {"Download root.pem", "Télécharger root.pem"},
		"about.jameica":          {"For Jameica", "Pour Jameica"},
		"about.jameica-lead":     {"Add {0} as a repository. Jameica asks once whether to trust the certificate that signs what it installs from here: say yes if it shows these fingerprints, and you have compared them with those that you were given by another way.", "Ajoutez {0} comme dépôt. Jameica demande une fois s’il faut faire confiance au certificat qui signe ce qu’il installe d’ici\u00a0: acceptez s’il montre ces empreintes, et si vous les avez comparées avec celles qui vous ont été données par une autre voie."},
		"about.fingerprint-sha1": {"Fingerprint (SHA-1)", "Empreinte (SHA-1)"},
		"about.download-jameica": {"Download the certificate", "Télécharger le certificat"},
		"about.no-root":          {"Whoever runs this store gives you its root certificate.", "L’exploitant de ce magasin vous donne son certificat racine."},
		"about.numbers":          {"In numbers", "En chiffres"},
		"about.listings":         {"Extensions", "Extensions"},
		"about.sequence":         {"Changes of the catalogue", "Modifications du catalogue"},
		"about.programs":         {"For programs", "Pour les programmes"},
		"about.api":              {"Description of the API (OpenAPI)", "Description de l’API (OpenAPI)"},
		"about.advisories":       {"Advisories", "Avis de sécurité"},
		"about.version":          {"Program", "Programme"},
	}
}
