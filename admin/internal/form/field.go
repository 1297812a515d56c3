package form

// Kind says which control a field has. The set is closed.
type Kind string

// The kinds.
const (
	Text    Kind = "text"    // <input>, or <textarea> where Multiline
	Number  Kind = "number"  // <input inputmode="decimal">
	Integer Kind = "integer" // <input inputmode="numeric">
	Boolean Kind = "boolean" // one of Choices
	Choice  Kind = "choice"  // one of Choices
	Secret  Kind = "secret"  // <input type="password">, never filled
	List    Kind = "list"    // Fields are its items
	Group   Kind = "group"   // Fields are its members
	JSON    Kind = "json"    // <textarea> of JSON, for what has no control of its own
)

// Field is one place of a value with what a control shows. Names of controls are JSON
// pointers, with a word and a colon in front where a place needs more than one control;
// the methods below give them. A control that is not sent means that there is no value.
type Field struct {
	// Pointer is where the field stands in the value: RFC 6901, "" for the root.
	Pointer string
	Kind    Kind
	// Label is the title of the schema, else the key in words; Help is its description.
	Label, Help string
	Required    bool
	ReadOnly    bool
	Deprecated  bool
	// Nullable offers null besides (NullName).
	Nullable bool
	// Emptiable offers the empty text besides no text at all (EmptyName).
	Emptiable bool

	// Attributes of the control, "" for none. Pattern is not anchored. Type is the type
	// of an <input>: text, email, url, date, time or datetime-local.
	Min, Max, Step, MinLength, MaxLength, Pattern, Format, Type string
	Placeholder                                                 string
	Multiline                                                   bool
	Choices                                                     []Option
	// Default is what holds when nothing is said, for people to read; "" for nothing.
	Default  string
	Examples []string

	// Set says that there is a value; of a Secret that the host has one.
	Set bool
	// Null says that the value is null, EmptyText that it is the empty text.
	Null, EmptyText bool
	// Text is what the control shows.
	Text string
	// Fields are the members of a Group or the items of a List.
	Fields []*Field
	// CanAdd offers a button: an item (List), a member under a new key (Group, with
	// KeyName where Keyed), or the value itself where it is not Set.
	CanAdd, Keyed bool
	// CanRemove offers a button that removes the item, member or value.
	CanRemove bool

	// Messages say what is wrong with it.
	Messages []string
}

// Option is one of the values to choose from.
type Option struct {
	// Value is the JSON text of the value, "" for no value.
	Value, Label string
	Selected     bool
}

// Name is the name of the control.
func (f *Field) Name() string { return f.Pointer }

// ID is an id for the control: letters, digits, dots and dashes.
func (f *Field) ID() string { return "" }

// HelpID and ErrorID are for aria-describedby.
func (f *Field) HelpID() string  { return f.ID() + "-help" }
func (f *Field) ErrorID() string { return f.ID() + "-error" }

// PresentName is the name of a hidden control that a Group or List with Set has: its
// value is PresentValue.
func (f *Field) PresentName() string { return "present:" + f.Pointer }

// PresentValue is the number of items of a List, and 1 for a Group.
func (f *Field) PresentValue() string { return "" }

// NullName is the name of a checkbox, where Nullable; of a Secret it clears it.
func (f *Field) NullName() string { return "null:" + f.Pointer }

// EmptyName is the name of a checkbox, where Emptiable.
func (f *Field) EmptyName() string { return "empty:" + f.Pointer }

// MemberName is the name of a hidden control that each member of a Group has which its
// schema does not name: its value is Key.
func (f *Field) MemberName() string { return "" }

// KeyName is the name of a text control for the key of a new member.
func (f *Field) KeyName() string { return "key:" + f.Pointer }

// AddName and RemoveName are names of submit buttons, whose values do not matter. The
// first submit button of a form is the one that Enter presses: it must not be one of
// these.
func (f *Field) AddName() string    { return "add:" + f.Pointer }
func (f *Field) RemoveName() string { return "remove:" + f.Pointer }

// Place puts messages beside the fields that they speak of, or the nearest that stands
// above them, and returns all of them with the ids of those fields, in the order of the
// form, for a summary.
func (f *Field) Place(errors []Error) []Placed { return nil }

// Placed is a message with the field that it stands beside.
type Placed struct {
	ID, Label, Message string
}
