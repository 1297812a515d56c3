package api

import (
	"net/http"
	"reflect"
	"sync"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/openapi"
)

// Description is the route that describes those of routes that are the API, and itself.
// Version is the host's.
func Description(routes []web.Route, version string) web.Route {
	route := web.Route{Method: "GET", Path: "/api/v1/openapi.json", Right: access.See, Doc: &web.Doc{
		ID: "describe", Summary: "This description", Answers: web.OK("An OpenAPI 3.1 document", map[string]any{}),
	}}
	made := sync.OnceValues(func() ([]byte, error) { return document(append(routes, route), version) })
	route.Serve = func(w http.ResponseWriter, _ *http.Request) error {
		body, err := made()
		if err != nil {
			return err
		}
		return web.WriteEncoded(w, body)
	}
	return route
}

func document(routes []web.Route, version string) ([]byte, error) {
	described := make([]openapi.Route, len(routes))
	for i, r := range routes {
		described[i] = openapi.Route{Method: r.Method, Path: r.Path, Right: string(r.Right), Open: r.Right == access.Open, Doc: r.Doc}
	}
	return openapi.Document(openapi.API{
		Title: "Jackfield admin", Version: version,
		Description: "What an administrator's programs may ask of this host.",
		Bearer:      "A token of a user, or that of conf/admin.token.",
		Problem:     web.Problem{}, Codes: web.Table(), InPath: inPath, Enums: enums(),
		Common: []string{"invalid_argument", "method_not_allowed", "misdirected", "exhausted", "internal", "unavailable"},
	}, described)
}

func inPath(name string) string {
	if name == "id" {
		return "The id of the extension; of a file that is none, its name"
	}
	return "The " + name
}

// enums are the closed sets of the API.
func enums() openapi.Enums {
	return openapi.Enums{
		Types: map[reflect.Type][]string{
			reflect.TypeFor[host.State]():        words(host.States()),
			reflect.TypeFor[host.Stage]():        words(host.Stages()),
			reflect.TypeFor[host.Role]():         words([]host.Role{access.Viewer, access.Operator, access.Administrator}),
			reflect.TypeFor[host.Via]():          words(host.Vias()),
			reflect.TypeFor[host.UserSource]():   words(host.UserSources()),
			reflect.TypeFor[access.Right]():      words(access.RightsOf(access.Administrator)),
			reflect.TypeFor[host.Applied]():      words([]host.Applied{host.AppliedLive, host.AppliedRestart, host.AppliedStored}),
			reflect.TypeFor[host.JobState]():     words(host.JobStates()),
			reflect.TypeFor[host.NeedKind]():     words([]host.NeedKind{host.NeedPermission, host.NeedPublisher}),
			reflect.TypeFor[host.PlanKind]():     words(host.PlanKinds()),
			reflect.TypeFor[host.PlanState]():    words(host.PlanStates()),
			reflect.TypeFor[host.StepAction]():   words(host.StepActions()),
			reflect.TypeFor[host.StepState]():    words(host.StepStates()),
			reflect.TypeFor[host.PlanNeedKind](): words(host.PlanNeedKinds()),
		},
		Names: map[reflect.Type]string{
			reflect.TypeFor[host.PlanNeed](): "PlanNeed", reflect.TypeFor[host.PlanStep](): "PlanStep",
			reflect.TypeFor[host.PlanProblem](): "PlanProblem", reflect.TypeFor[host.FoundAdvisory](): "FoundAdvisory",
		},
		Fields: map[string][]string{
			"Reason.code":      host.ReasonCodes(),
			"Signature.state":  host.SignatureStates(),
			"Signature.code":   append(host.BundleCodes(), ""),
			"Limit.by":         host.LimitKeepers(),
			"Line.level":       host.LogLevels(),
			"Leveling.level":   append(host.LogLevels(), ""),
			"LogLevel.value":   append(host.LogLevels(), ""),
			"LogLevel.default": append(host.LogLevels(), ""),
			"Difference.kind":  {"added", "changed", "removed"},
			"Uploaded.action":  host.UploadActions(),
			"Problem.code":     web.Codes(),
		},
		// No limit is not the same as none.
		Nullable: map[string]bool{"Token.extensions": true, "Me.extensions": true},
	}
}

func words[S ~string](set []S) []string {
	list := make([]string, len(set))
	for i, s := range set {
		list[i] = string(s)
	}
	return list
}

func listDoc() *web.Doc {
	return &web.Doc{
		ID: "listExtensions", Summary: "All extensions, and the files that are none",
		Description: "A file that never became an extension has its file name as id.",
		Takes: []web.Parameter{
			{Name: "limit", Summary: "How many a page has at most, 1 to 500; all unless it or a cursor is given", Of: 0},
			{Name: "cursor", Summary: "The member next of the page before"},
		},
		Answers: web.OK("The extensions, by id", List{}),
	}
}

func showDoc() *web.Doc {
	return &web.Doc{
		ID: "showExtension", Summary: "One extension",
		Takes:   []web.Parameter{waits()},
		Answers: web.OK("The extension", host.Extension{}),
		Codes:   []string{"deadline_exceeded"},
	}
}

func uploadDoc() *web.Doc {
	return &web.Doc{
		ID: "installExtension", Summary: "Install a bundle, or say what that would come to",
		Description: "Whoever sends a bundle consents to what it asks for, but for what was denied before.",
		Takes: []web.Parameter{web.Flag("dry_run", "Check the bundle and keep nothing"), waits(),
			{Name: web.IdempotencyKey, In: "header", Summary: "1 to 128 visible characters: for a day, a second upload of the same bytes with the same key is answered as the first was, and one of other bytes is a conflict"}},
		Body: []web.Content{{Media: "application/java-archive"}, {Media: "application/octet-stream"}, {Media: "multipart/form-data", Of: Form{}}},
		Answers: []web.Answer{
			{Status: http.StatusAccepted, Summary: "It is verified and durable, and on its way to run", Content: web.JSON(host.Uploaded{}),
				Headers: []web.Parameter{{Name: "Location", Summary: "The path of the extension"}}},
			{Status: http.StatusOK, Summary: "With dry_run what it would come to; with wait the extension, which has settled",
				Content: []web.Content{{Media: "application/json", Of: openapi.OneOf{host.Uploaded{}, host.Extension{}}}}},
		},
		Codes: []string{web.BundleRefused, "conflict", "not_found", "too_large", "unsupported_media", "deadline_exceeded", "canceled"},
	}
}

// Form is a bundle in a form.
type Form struct {
	File []byte `json:"file"`
}

func removeDoc() *web.Doc {
	return &web.Doc{
		ID: "removeExtension", Summary: "Take the files of an extension out of the extensions folder",
		Takes: []web.Parameter{
			web.Flag("purge", "Take its data, its kept versions and its history, too; this needs the right to install"),
			web.Flag("force", "Also where other extensions need it"),
			ifMatch(),
		},
		Answers: web.OK("What was done", Removed{}),
		Codes:   []string{"conflict", "canceled"},
	}
}

func historyDoc() *web.Doc {
	return &web.Doc{
		ID: "listHistory", Summary: "What happened to an extension, the newest first",
		Takes:   append(web.Paging(), web.Flag("removed", "Accepted, and not needed: an extension that is removed keeps its history until it is purged")),
		Answers: web.OK("A page of events", host.HistoryPage{}),
	}
}

func auditDoc() *web.Doc {
	return &web.Doc{
		ID: "listAudit", Summary: "Who did what, when and from where, the newest first",
		Takes: append(web.Paging(),
			web.Parameter{Name: "actor", Summary: "Only what this user did"}, web.Parameter{Name: "action", Summary: "Only this action"},
			web.Parameter{Name: "target", Summary: "Only what was done to this extension or user"},
			web.Parameter{Name: "from", Summary: "Only what was done then or later, RFC 3339"}, web.Parameter{Name: "until", Summary: "Only what was done before then"},
		),
		Answers: web.OK("A page of entries", host.AuditPage{}),
		Codes:   []string{"not_found"},
	}
}

func waits() web.Parameter {
	return web.Flag("wait", "Answer when the extension has settled, after ten minutes at most")
}

func ifMatch() web.Parameter {
	return web.Parameter{Name: "If-Match", In: "header", Summary: "The ETag of the extension as it was looked at: 412 if anything was decided about it since, or its versions are others"}
}

// verbDoc describes a verb whose body is a value of order's type, nil for no body.
func verbDoc(verb host.Verb, summary string, order any) *web.Doc {
	doc := &web.Doc{
		ID: string(verb) + "Extension", Summary: summary,
		Takes:   []web.Parameter{waits(), ifMatch()},
		Answers: web.OK("The extension as it is then", host.Extension{}),
		Codes:   []string{"conflict", "too_large", "unsupported_media", "deadline_exceeded", "canceled"},
	}
	if order != nil {
		doc.Body = web.JSON(order)
	}
	if verb == host.VerbDisable {
		doc.Takes = append(doc.Takes, web.Flag("force", "Also where other extensions need it"))
	}
	return doc
}
