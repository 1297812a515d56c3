package page

import "html/template"

// confirmation is the page that asks before something is done that costs something. It
// is there without scripts, too: a button that needs asking is a link to it.
type confirmation struct {
	// Question is its heading, What says what will happen.
	Question string
	What     []template.HTML
	// Others are extensions that will suffer, with a sentence that says so in front.
	Others    []string
	OthersSay template.HTML
	// Choices are boxes to tick, Texts fields to fill in.
	Choices []choice
	// Do is the button, with the form that it sends.
	Do action
	// Back leads away without anything done.
	Back string
}

// choice is a box to tick in a form.
type choice struct {
	Name, Value string
	Label       template.HTML
	Checked     bool
}

// action is a button: a link if it has an Href, else a form that is posted.
type action struct {
	Label string
	// Of says to whom it is done, for those who hear the button without what is around.
	Of string
	// Kind is primary, quiet or danger.
	Kind   string
	Href   string
	Post   string
	Fields []field
}

// field is a hidden field of a form.
type field struct{ Name, Value string }
