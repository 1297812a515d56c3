package publishing

import (
	"net/http"

	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

func states() []string {
	return []string{string(store.Submitted), string(store.Checking), string(store.NeedsChanges), string(store.InReview),
		string(store.Approved), string(store.Accepted)}
}

func roles() []string {
	return []string{string(store.RolePublisher), string(store.RoleReviewer), string(store.RoleAdministrator)}
}

func paging() []openapi.Parameter {
	return []openapi.Parameter{
		{Name: "cursor", Summary: "The member next of the page before; none for the first page"},
		{Name: "limit", Summary: "How many a page has at most, 1 to 500; 100 unless it is given", Of: 0},
	}
}

func submitDoc() *openapi.Doc {
	location := []openapi.Parameter{{Name: "Location", Summary: "The path of the submission"}}
	var body []openapi.Content
	for _, m := range media() {
		body = append(body, openapi.Content{Media: m})
	}
	return &openapi.Doc{
		ID: "submit", Summary: "Submit a file",
		Description: "The file is kept before it is checked: what was answered is not lost. Bytes that were published already are answered with the release that they are.",
		Takes: append(detachedParameters(), []openapi.Parameter{
			{Name: "file", Summary: "Its name, for people"},
			{Name: "channel", Summary: "Where to publish it; beta for versions with a suffix unless it is given", Enum: []string{string(store.Stable), string(store.Beta)}},
			{Name: "wait", Summary: "false to be answered before it is checked", Of: false},
			{Name: "Idempotency-Key", In: "header", Summary: "1 to 128 visible characters: a second submission with the same key is answered with the first"},
		}...),
		Body: body,
		Answers: []openapi.Answer{
			{Status: http.StatusCreated, Summary: "It is published", Content: openapi.JSON(store.Submission{}), Headers: location},
			{Status: http.StatusAccepted, Summary: "It is kept; its state says what it waits for", Content: openapi.JSON(store.Submission{}), Headers: location},
		},
		Codes: append(changes(), web.Refused),
	}
}

func submissionsDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listSubmissions", Summary: "What was submitted, newest first", Description: "Publishers see those of their organization.",
		Takes: append(paging(), openapi.Parameter{Name: "state", Summary: "Only those in this state", Enum: states()},
			openapi.Parameter{Name: "listing", Summary: "Only those of this id"}, openapi.Parameter{Name: "digest", Summary: "Only those of these bytes"}),
		Answers: openapi.OK("A page of submissions", store.SubmissionPage{}),
	}
}

func submissionDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "showSubmission", Summary: "One submission",
		Takes:   []openapi.Parameter{openapi.Flag("wait", "Answer when it is decided, after 50 seconds at most")},
		Answers: openapi.OK("The submission", store.Submission{}),
		Codes:   []string{web.Canceled},
	}
}

func approveDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "approve", Summary: "Publish a submission that is in review",
		Answers: openapi.OK("The submission", store.Submission{}), Codes: append(changes(), web.Refused),
	}
}

func rejectDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "reject", Summary: "End a submission that is in review, with the reason that its publisher reads",
		Body: openapi.JSON(store.Reason{}), Answers: openapi.OK("The submission", store.Submission{}), Codes: changes(),
	}
}

func retryDoc() *openapi.Doc {
	doc := submitDoc()
	doc.ID, doc.Summary, doc.Takes, doc.Body = "retry", "Submit the bytes of a submission that was refused once more", nil, nil
	doc.Description = "For when roots or organizations have changed. The one that was refused stays."
	return doc
}

func labelDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "label", Summary: "Add labels to a listing, and take others away",
		Body: openapi.JSON(store.Labeling{}), Answers: openapi.OK("The listing as it is then", store.Listing{}), Codes: changes(),
	}
}

func adviseDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "advise", Summary: "Tell of a weakness, or change what was told", Description: "With an id the advisory of that id takes these members; the store gives new ones theirs.",
		Body: openapi.JSON(store.Advisory{}), Answers: openapi.OK("The advisory", store.Advisory{}), Codes: append(changes(), web.NotFound),
	}
}

func revokeDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "revoke", Summary: "Say that something must not run any more, wherever it is installed",
		Body: openapi.JSON(store.Revocation{}), Answers: openapi.OK("The revocation", store.Revocation{}), Codes: append(changes(), web.NotFound),
	}
}

func unrevokeDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "withdrawRevocation", Summary: "Take a revocation back",
		Body: openapi.JSON(store.Withdrawal{}), Answers: gone(), Codes: append(changes(), web.NotFound),
	}
}

func gone() []openapi.Answer {
	return []openapi.Answer{{Status: http.StatusNoContent, Summary: "Done"}}
}

func organizationsDoc() *openapi.Doc {
	return &openapi.Doc{ID: "listOrganizations", Summary: "Who may publish", Answers: openapi.OK("The organizations, by name", store.OrganizationList{})}
}

func saveOrganizationDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "saveOrganization", Summary: "Add an organization, or change the one of that name",
		Body: openapi.JSON(store.OrganizationRequest{}), Answers: openapi.OK("The organization", store.Organization{}), Codes: changes(),
	}
}

func removeOrganizationDoc() *openapi.Doc {
	return &openapi.Doc{ID: "removeOrganization", Summary: "Remove an organization that owns nothing, and its tokens", Answers: gone(), Codes: changes()}
}

func tokensDoc() *openapi.Doc {
	return &openapi.Doc{ID: "listTokens", Summary: "The tokens of this store, oldest first", Answers: openapi.OK("What is known of them", store.TokenList{})}
}

func newTokenDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "newToken", Summary: "Make a token", Description: "It is in the answer, and nowhere else.",
		Body:    openapi.JSON(store.TokenRequest{}),
		Answers: []openapi.Answer{{Status: http.StatusCreated, Summary: "The token", Content: openapi.JSON(store.NewToken{})}},
		Codes:   append(changes(), web.NotFound),
	}
}

func removeTokenDoc() *openapi.Doc {
	return &openapi.Doc{ID: "revokeToken", Summary: "Make a token worth nothing", Answers: gone(), Codes: changes()}
}

func auditDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listAudit", Summary: "Who did what, newest first",
		Takes:   append(paging(), openapi.Parameter{Name: "actor", Summary: "Only what this token did"}, openapi.Parameter{Name: "target", Summary: "Only what was done to this"}),
		Answers: openapi.OK("A page of entries", store.AuditPage{}),
	}
}
