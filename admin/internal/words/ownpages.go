package words

// ownPagesWords are those around the pages that an extension brings.
func ownPagesWords() catalog {
	return catalog{
		"own-pages.title":    {"Pages", "Pages"},
		"own-pages.brought":  {"These pages come with the extension. They see and change only what concerns it, in your name.", "Ces pages sont fournies par l’extension. Elles ne voient et ne modifient que ce qui la concerne, en votre nom."},
		"own-pages.by-hand":  {"An administrator has put these pages into jmapadmin/extensions. They see and change only what concerns the extension, in your name.", "Un administrateur a placé ces pages dans jmapadmin/extensions. Elles ne voient et ne modifient que ce qui concerne l’extension, en votre nom."},
		"own-pages.scripts":  {"The pages of an extension need JavaScript. Its configuration can be set without.", "Les pages d’une extension nécessitent JavaScript. Sa configuration se règle aussi sans."},
		"own-pages.frame":    {"Pages of {0}", "Pages de {0}"},
		"own-pages.ask":      {"The pages of {0} want to change its configuration", "Les pages de {0} veulent modifier sa configuration"},
		"own-pages.ask.what": {"It is saved in your name. Save only what you wanted to change.", "La modification est enregistrée en votre nom. N’enregistrez que ce que vous vouliez modifier."},
		"own-pages.place":    {"Place", "Emplacement"},
		"own-pages.before":   {"Before", "Avant"},
		"own-pages.after":    {"After", "Après"},
		"own-pages.save":     {"Save", "Enregistrer"},
		"own-pages.leave":    {"Do not save", "Ne pas enregistrer"},
	}
}
