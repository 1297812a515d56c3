package openapi

// Doc describes an operation. A test holds the answers of all tests to it (package
// openapitest).
//
// What every operation may answer is not repeated in a Doc, see API.Common; nor are the
// parameters in its path.
type Doc struct {
	// ID is the operationId: lower camel case, the only one of its name.
	ID string
	// Summary is one line without a full stop; Description says more where there is more.
	Summary, Description string
	// Takes are the parameters besides those in the path.
	Takes []Parameter
	// Body is what may be sent, one of several forms; nil for none.
	Body []Content
	// Answers are those in which it does what was asked.
	Answers []Answer
	// Codes are those of the problems that it may answer besides those of every route.
	// Their statuses are in API.Codes.
	Codes []string
}

// Parameter is one parameter of a route, or a header of an answer.
type Parameter struct {
	Name string
	// In is "query", "header" or "path"; "" stands for query.
	In      string
	Summary string
	// Of is a value of the Go type that it has: "", 0, false. nil stands for a string.
	Of any
	// Enum are its values, if the set of them is closed.
	Enum []string
}

// Content is one form of a body.
type Content struct {
	// Media is the media type.
	Media string
	// Of is a value of the Go type that is encoded as JSON; nil for text and bytes.
	// Types have a name, by which the document speaks of them.
	Of any
}

// Answer is one way in which a route answers.
type Answer struct {
	Status  int
	Summary string
	// Content are the forms of the body; none for no body.
	Content []Content
	Headers []Parameter
}

// JSON is the content of most bodies: a value of of's type as application/json.
func JSON(of any) []Content { return []Content{{Media: "application/json", Of: of}} }

// OK is the answer of most routes: 200 with a value of of's type.
func OK(summary string, of any) []Answer {
	return []Answer{{Status: 200, Summary: summary, Content: JSON(of)}}
}

// Flag is a parameter that is true or false.
func Flag(name, summary string) Parameter { return Parameter{Name: name, Summary: summary, Of: false} }
