package words

// ownWords are about the pages that extensions bring.
func ownWords() catalog {
	return catalog{
		"own.by-hand":      {"Pages that the administrator has put into jmapadmin/extensions.", "Pages que l’administrateur a placées dans jmapadmin/extensions."},
		"own.brings":       {"Pages that the extension brings.", "Pages fournies par l’extension."},
		"own.only":         {"They can see and change only what concerns this extension.", "Elles ne peuvent voir et modifier que ce qui concerne cette extension."},
		"own.scripts":      {"The pages of an extension need JavaScript.", "Les pages d’une extension nécessitent JavaScript."},
		"own.title":        {"Pages of {0}", "Pages de {0}"},
		"own.question":     {"The pages of {0} want to change its configuration", "Les pages de {0} veulent modifier sa configuration"},
		"own.in-your-name": {"It is saved in your name.", "Elle est enregistrée en votre nom."},
		"own.place":        {"Place", "Endroit"},
		"own.before":       {"Before", "Avant"},
		"own.after":        {"After", "Après"},
		"own.save":         {"Save", "Enregistrer"},
		"own.save-not":     {"Do not save", "Ne pas enregistrer"},
	}
}
