package api

import (
	"net/http"

	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

func formats() []string {
	return []string{string(store.FormatBundle), string(store.FormatJami), string(store.FormatJameica)}
}

func channels() []string { return []string{string(store.Stable), string(store.Beta)} }

func sorts() []string {
	return []string{string(catalogue.ByName), string(catalogue.ByUpdated), string(catalogue.ByPublished), string(catalogue.ByDownloads)}
}

func listDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listListings", Summary: "What is offered",
		Description: "Listings that have a release to which all of the query applies. With q the best come first, and sort is not used.",
		Takes: []openapi.Parameter{
			{Name: "q", Summary: "Words, all of which must be in names, texts or types, in any language; the last one may be the beginning of a word"},
			{Name: "format", Summary: "Only files of this kind", Enum: formats()},
			{Name: "publisher", Summary: "Only of this organization: its pin, host or name"},
			{Name: "label", Summary: "Only with this label"},
			{Name: "platform", Summary: "Only what runs there: server for what runs in a host, linux-amd64, …"},
			{Name: "host_version", Summary: "Only what a host of this version can use"},
			{Name: "channel", Summary: "Only releases of this channel", Enum: channels()},
			{Name: "sort", Summary: "The order; name unless it is given", Enum: sorts()},
			{Name: "locale", Summary: "The language of names and summaries, instead of that of Accept-Language"},
			{Name: "cursor", Summary: "The member next of the page before; none for the first page"},
			{Name: "limit", Summary: "How many a page has at most, 1 to 200; 50 unless it is given", Of: 0},
		},
		Answers: openapi.OK("A page of listings", store.CardPage{}),
	}
}

func showDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "showListing", Summary: "One listing, as the index names it",
		Answers: openapi.OK("The listing", store.Listing{}),
	}
}

func releasesDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listReleases", Summary: "The releases of a listing, highest version first",
		Answers: openapi.OK("The releases, withdrawn ones included", store.ReleaseList{}),
	}
}

func releaseDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "showRelease", Summary: "One release, with the schemas of its types and what was checked",
		Answers: openapi.OK("The release", store.ReleaseDetail{}),
	}
}

func downloadDoc() *openapi.Doc {
	headers := []openapi.Parameter{
		{Name: "ETag", Summary: "The digest of the whole file"},
		{Name: "Repr-Digest", Summary: "The digest of the whole file, RFC 9530"},
		{Name: "Content-Disposition", Summary: "The name of the file"},
	}
	files := []openapi.Content{{Media: "application/java-archive"}, {Media: "application/octet-stream"}, {Media: "application/zip"}}
	return &openapi.Doc{
		ID: "downloadRelease", Summary: "A file of a release",
		Description: "Takes Range with If-Range. A withdrawn release is still served to those who name its version.",
		Takes: []openapi.Parameter{
			{Name: "platform", Summary: "Which of several files"},
			{Name: "Range", In: "header", Summary: "Which part, RFC 9110"},
		},
		Answers: []openapi.Answer{
			{Status: http.StatusOK, Summary: "The file", Content: files, Headers: headers},
			{Status: http.StatusPartialContent, Summary: "Parts of it", Content: append(files, openapi.Content{Media: "multipart/byteranges"}), Headers: headers},
			{Status: http.StatusRequestedRangeNotSatisfiable, Summary: "There is no such part", Content: []openapi.Content{{Media: "text/plain"}}},
			{Status: http.StatusPreconditionFailed, Summary: "If-Match or If-Unmodified-Since does not hold"},
		},
		Codes: []string{web.TakenDown},
	}
}

func pictureDoc(id, summary string) *openapi.Doc {
	doc := downloadDoc()
	pictures := []openapi.Content{{Media: "image/png"}, {Media: "image/jpeg"}}
	doc.ID, doc.Summary, doc.Description, doc.Takes, doc.Codes = id, summary, "Drawn anew by the store.", doc.Takes[1:], nil
	doc.Answers[0].Content = pictures
	doc.Answers[1].Content = append(pictures, openapi.Content{Media: "multipart/byteranges"})
	for i := range doc.Answers {
		doc.Answers[i].Headers = nil
	}
	return doc
}

func updatesDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "findUpdates", Summary: "What is to be known of what somebody has",
		Description: "Up to 1000 extensions at once. Nothing of the question is kept.",
		Body:        openapi.JSON(store.UpdateQuery{}),
		Answers:     openapi.OK("An item for each, in the same order", store.Updates{}),
		Codes:       []string{web.TooLarge, web.UnsupportedMedia, web.DeadlineExceeded, web.Canceled},
	}
}

func snapshotDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "showSnapshot", Summary: "The catalogue as the timestamp names it",
		Answers: openapi.OK("The snapshot", store.Snapshot{}),
	}
}

func timestampDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "showTimestamp", Summary: "The signed head of the index",
		Description: "A DSSE envelope. Ask with If-None-Match: it changes with the catalogue, and when it is renewed.",
		Answers:     openapi.OK("The envelope", map[string]any{}),
	}
}

func objectDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "showObject", Summary: "A document of the index, by its digest",
		Description: "A snapshot, shard, listing, list of advisories or of revocations. It never changes.",
		Answers:     openapi.OK("The document", map[string]any{}),
	}
}

func advisoriesDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listAdvisories", Summary: "Known weaknesses, newest first",
		Takes:   []openapi.Parameter{{Name: "listing", Summary: "Only of this one"}},
		Answers: openapi.OK("The advisories", store.AdvisoryList{}),
	}
}

func revocationsDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "listRevocations", Summary: "What must not run any more, newest first",
		Answers: openapi.OK("The revocations", store.RevocationList{}),
	}
}

func statsDoc() *openapi.Doc {
	return &openapi.Doc{
		ID: "countDownloads", Summary: "How often files were downloaded, newest day first",
		Description: "By listing, version, platform and day. Nothing is known of who downloaded.",
		Takes: []openapi.Parameter{
			{Name: "listing", Summary: "Only of this one"},
			{Name: "from", Summary: "Only on this day or later, as 2026-11-26"}, {Name: "to", Summary: "Only until this day"},
			{Name: "limit", Summary: "How many counts at most, 1 to 10000; 1000 unless it is given", Of: 0},
		},
		Answers: openapi.OK("The counts", store.Stats{}),
	}
}
