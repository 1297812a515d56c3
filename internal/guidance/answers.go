package guidance

// Answers is the table of the codes with which requests, and questions to the admin API,
// are refused: the member code of a problem (RFC 9457).
func Answers() map[string]Reason {
	return map[string]Reason{
		"invalid_argument": {
			Message{"The request is malformed", "La requête est mal formée"},
			Message{"A header, a parameter or the body can not be read (400).", "Un en-tête, un paramètre ou le corps est illisible (400)."},
			Message{"Correct what the detail names; sending it again as it is does not help.", "Corrigez ce que nomme le détail\u00a0; la renvoyer telle quelle ne sert à rien."}, nil,
		},
		"unauthenticated": {
			Message{"Nobody knows who asks", "Nul ne sait qui demande"},
			Message{"There is no token, or one that is not valid (any more) (401).", "Il n’y a pas de jeton, ou il n’est pas (ou plus) valide (401)."},
			Message{"Send a valid token; 'jackfield token' makes one.", "Envoyez un jeton valide\u00a0; «\u00a0jackfield token\u00a0» en crée un."}, nil,
		},
		"permission_denied": {
			Message{"Who asks may not do this", "Le demandeur n’en a pas le droit"},
			Message{"The role, the owner or the origin of the request does not allow it (403).", "Le rôle, le propriétaire ou l’origine de la requête ne le permet pas (403)."},
			Message{"Ask as somebody who may, or have an administrator change the role; a page of another site has to be named in requests.origins.", "Demandez avec un compte autorisé, ou faites changer le rôle\u00a0; une page d’un autre site doit figurer dans requests.origins."}, nil,
		},
		"unknown_type": {
			Message{"Nobody answers this type", "Personne ne répond à ce type"},
			Message{"No enabled extension declares the request type (404).", "Aucune extension activée ne déclare ce type de requête (404)."},
			Message{"See 'jackfield ext list' and GET /v1/types: the name may be misspelt, or the extension missing or disabled.", "Voyez «\u00a0jackfield ext list\u00a0» et GET /v1/types\u00a0: le nom est peut-être faux, ou l’extension absente ou désactivée."},
			[]Help{HelpInstall, HelpEnable},
		},
		"not_found": {
			Message{"What was asked for is not there", "Ce qui est demandé n’existe pas"},
			Message{"The address, the id or the record does not exist (404).", "L’adresse, l’identifiant ou l’enregistrement n’existe pas (404)."},
			Message{"See 'jackfield ext list' for the ids.", "Voyez les identifiants avec «\u00a0jackfield ext list\u00a0»."}, nil,
		},
		"conflict": {
			Message{"It does not fit how things stand", "Cela ne correspond pas à l’état actuel"},
			Message{"Something else changed it meanwhile, or others need what is to go (409).", "Autre chose l’a modifié entre-temps, ou d’autres ont besoin de ce qui doit partir (409)."},
			Message{"Look again and repeat it; what others need goes with force only.", "Regardez à nouveau et recommencez\u00a0; ce dont d’autres ont besoin ne part qu’en forçant."}, nil,
		},
		"too_large": {
			Message{"The body is too large", "Le corps est trop volumineux"},
			Message{"It is over limits.request_bytes, or over bundle.max_bytes for a bundle (413).", "Il dépasse limits.request_bytes, ou bundle.max_bytes pour un paquet (413)."},
			Message{"Send less, or raise the limit for the extension.", "Envoyez moins, ou augmentez la limite pour l’extension."}, nil,
		},
		"unsupported_media": {
			Message{"The media type is not taken", "Le type de média n’est pas accepté"},
			Message{"A type with a schema takes JSON in UTF-8 only, without Content-Encoding (415).", "Un type avec schéma n’accepte que du JSON en UTF-8, sans Content-Encoding (415)."},
			Message{"Send application/json.", "Envoyez application/json."}, nil,
		},
		"validation_failed": {
			Message{"The payload breaks its schema", "Le contenu ne respecte pas son schéma"},
			Message{"The JSON can be read but is not as the type declares; pointers say where (422).", "Le JSON est lisible mais non conforme au type\u00a0; des pointeurs disent où (422)."},
			Message{"Correct the members that are named; GET /v1/types shows the schema.", "Corrigez les membres nommés\u00a0; GET /v1/types montre le schéma."}, nil,
		},
		"exhausted": {
			Message{"There is no room at the moment", "Il n’y a plus de place pour le moment"},
			Message{"limits.in_flight and limits.queue of the extension are full, or somebody tries too often (429).", "limits.in_flight et limits.queue de l’extension sont pleins, ou quelqu’un essaie trop souvent (429)."},
			Message{"Try again after Retry-After. If it stays so, find out why it is slow ('jackfield ext top'), or raise the limits.", "Réessayez après Retry-After. Si cela dure, cherchez la lenteur («\u00a0jackfield ext top\u00a0»), ou augmentez les limites."}, nil,
		},
		"canceled": {
			Message{"The client went away", "Le client est parti"},
			Message{"The connection was closed before there was an answer (499).", "La connexion a été fermée avant la réponse (499)."},
			Message{"Nothing to do on the host; clients whose own deadlines are too short do this.", "Rien à faire côté serveur\u00a0; c’est le fait de clients trop pressés."}, nil,
		},
		"internal": {
			Message{"The host itself has failed", "Le serveur lui-même a échoué"},
			Message{"Something happened that should not, often a full disk (500).", "Il s’est produit une chose imprévue, souvent un disque plein (500)."},
			Message{"Run 'jackfield doctor' and look for the request id in the log of the host.", "Lancez «\u00a0jackfield doctor\u00a0» et cherchez l’identifiant de la requête dans le journal du serveur."}, nil,
		},
		"unimplemented": {
			Message{"It declares this and does not do it", "Elle déclare cela sans le faire"},
			Message{"The type is there but the extension has no handler for it (501).", "Le type existe mais l’extension n’a pas de code pour lui (501)."},
			Message{"Request a type that is derived from it, or tell the vendor.", "Demandez un type qui en dérive, ou prévenez l’éditeur."}, nil,
		},
		"extension_fault": {
			Message{"The extension failed at this request", "L’extension a échoué sur cette requête"},
			Message{"It panicked, or its answer is malformed, of a wrong type or too large (502). The process lives on.", "Elle a paniqué, ou sa réponse est mal formée, d’un mauvais type ou trop grande (502). Le processus survit."},
			Message{"Look into its log at the time of the request and tell its vendor.", "Consultez son journal à l’heure de la requête et prévenez son éditeur."},
			[]Help{HelpLogs, HelpRollback},
		},
		"unavailable": {
			Message{"The extension does not run at the moment", "L’extension ne fonctionne pas pour le moment"},
			Message{"It is starting, backing off, draining or disabled, or died with the request in flight (503).", "Elle démarre, attend un nouvel essai, s’arrête ou est désactivée, ou est morte pendant la requête (503)."},
			Message{"Try again after Retry-After; 'jackfield ext show' says why it does not run.", "Réessayez après Retry-After\u00a0; «\u00a0jackfield ext show\u00a0» dit pourquoi elle ne fonctionne pas."},
			[]Help{HelpRetry, HelpLogs},
		},
		"deadline_exceeded": {
			Message{"There was no answer in time", "Pas de réponse à temps"},
			Message{"Request-Timeout, or timeouts.request of the extension, was over (504). Waiting in the queue counts.", "Request-Timeout, ou timeouts.request de l’extension, est dépassé (504). L’attente en file compte."},
			Message{"See with 'jackfield ext top' whether it is slow; allow more time with timeouts.request if that is right.", "Voyez avec «\u00a0jackfield ext top\u00a0» si elle est lente\u00a0; accordez plus de temps avec timeouts.request si c’est justifié."}, nil,
		},
		"method_not_allowed": {
			Message{"The address takes another method", "L’adresse attend une autre méthode"},
			Message{"The route exists, not for this HTTP method (405).", "La route existe, mais pas pour cette méthode HTTP (405)."},
			Message{"Use a method of the header Allow.", "Utilisez une méthode de l’en-tête Allow."}, nil,
		},
		"misdirected": {
			Message{"The host is not known by this name", "Le serveur n’est pas connu sous ce nom"},
			Message{"The header Host names neither the address nor a configured name (421).", "L’en-tête Host ne nomme ni l’adresse ni un nom configuré (421)."},
			Message{"Set requests.hosts, or admin.hosts, to the names by which it is reached.", "Donnez à requests.hosts, ou admin.hosts, les noms par lesquels on l’atteint."}, nil,
		},
	}
}
