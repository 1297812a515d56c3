package web

import "github.com/jackfield-host/jackfield/internal/openapi"

// Doc describes a route of the API in its OpenAPI document. Every route under /api/v1/ has
// one, and a test holds the answers of all tests to it.
//
// What every route may answer is not repeated in a Doc: 400 invalid_argument, 401, 403,
// 405, 421, 429, 500, 503; nor are the parameters in its path.
type (
	Doc       = openapi.Doc
	Parameter = openapi.Parameter
	Content   = openapi.Content
	Answer    = openapi.Answer
)

// JSON is the content of most bodies: a value of of's type as application/json.
func JSON(of any) []Content { return openapi.JSON(of) }

// OK is the answer of most routes: 200 with a value of of's type.
func OK(summary string, of any) []Answer { return openapi.OK(summary, of) }

// Flag is a parameter that is true or false.
func Flag(name, summary string) Parameter { return openapi.Flag(name, summary) }

// Paging are the parameters that PageOf reads.
func Paging() []Parameter {
	return []Parameter{
		{Name: "cursor", Summary: "The member next of the page before; none for the first page"},
		{Name: "limit", Summary: "How many entries a page has at most, 1 to 500; 100 unless it is given", Of: 0},
	}
}
