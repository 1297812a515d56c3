package form

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind says which control a field has. The set is closed.
type Kind string

// The kinds.
const (
	Text    Kind = "text"    // <input>, or <textarea> where Multiline
	Number  Kind = "number"  // <input inputmode="decimal">
	Integer Kind = "integer" // <input inputmode="numeric">
	Boolean Kind = "boolean" // one of Choices
	Choice  Kind = "choice"  // one of Choices
	Secret  Kind = "secret"  // <input type="password">, never filled with what is set
	List    Kind = "list"    // Fields are its items
	Group   Kind = "group"   // Fields are its members
	JSON    Kind = "json"    // <textarea> of JSON, for what has no control of its own
)

// Field is one place of a value with what a control shows. Names of controls are JSON
// pointers with a word and a colon in front; the methods below give them. A place of which
// no control is sent has no value.
type Field struct {
	// Pointer is where the field stands in the value: RFC 6901, "" for the root.
	Pointer string
	Kind    Kind
	// Label is the title of the schema, else the key in words, and of an item the label
	// of its list with a number; it is empty for a root without a title. Help is the
	// description.
	Label, Help string
	Required    bool
	// ReadOnly is for a control that shows and cannot be changed. What it shows is to be
	// sent all the same, or it is lost: a readonly or hidden input, none that is disabled.
	ReadOnly   bool
	Deprecated bool
	// Nullable offers null besides (NullName).
	Nullable bool
	// Emptiable offers the empty text besides no text at all (EmptyName): where that is
	// something else, because there is a default, or where it is the value.
	Emptiable bool

	// Attributes of the control, "" for none. Type is the type of an <input>: text,
	// email, url or date. A text fits Pattern if that matches anywhere in it.
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
	// CanAdd offers a button (AddName): for an item (List), for a member under a new key
	// (Group, with KeyName, where Keyed), or for the value itself where it is not Set.
	CanAdd, Keyed bool
	// CanRemove offers a button (RemoveName) that removes the item, member or value.
	CanRemove bool
	// Undeclared says that the schema does not name this member of a Group: it has the
	// hidden control MemberName.
	Undeclared bool

	// Messages say what is wrong with it.
	Messages []string

	key  string // within its Group or List
	spot spot
}

// Option is one of the values to choose from.
type Option struct {
	// Value is the JSON text of the value, "" for no value.
	Value string
	// Label is empty for no value: what stands there is the page's to say.
	Label    string
	Selected bool
}

// Name is the name of the control.
func (f *Field) Name() string {
	if f.Kind == JSON {
		return "json:" + f.Pointer
	}
	return "value:" + f.Pointer
}

// ID is an id for the control: letters, digits, dots, dashes and underscores.
func (f *Field) ID() string {
	var b strings.Builder
	b.WriteString("field")
	for i := range len(f.Pointer) {
		switch c := f.Pointer[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
			b.WriteByte(c)
		case c == '/':
			b.WriteByte('-')
		default:
			fmt.Fprintf(&b, ".%02x", c)
		}
	}
	return b.String()
}

// HelpID is an id for what describes the control.
func (f *Field) HelpID() string { return f.ID() + ".help" }

// ErrorID is an id for what is wrong with it.
func (f *Field) ErrorID() string { return f.ID() + ".error" }

// PresentName is the name of a hidden control of a Group or List that is Set: its value is
// PresentValue.
func (f *Field) PresentName() string { return "present:" + f.Pointer }

// PresentValue is the number of items of a List, 1 for a Group.
func (f *Field) PresentValue() string {
	if f.Kind == List {
		return strconv.Itoa(len(f.Fields))
	}
	return "1"
}

// NullName is the name of a checkbox, where Nullable; of a Secret it clears what is set.
func (f *Field) NullName() string { return "null:" + f.Pointer }

// EmptyName is the name of a checkbox, where Emptiable.
func (f *Field) EmptyName() string { return "empty:" + f.Pointer }

// MemberName is the name of a hidden control of each member that is Undeclared: its value
// is Key.
func (f *Field) MemberName() string {
	return "member:" + f.Pointer[:max(0, strings.LastIndexByte(f.Pointer, '/'))]
}

// Key is the key of the field within its Group.
func (f *Field) Key() string { return f.key }

// KeyName is the name of a text control for the key of a new member, where Keyed.
func (f *Field) KeyName() string { return "key:" + f.Pointer }

// AddName and RemoveName are names of submit buttons, whose values do not matter. The
// first submit button of a form is the one that Enter presses: it must not be one of
// these.
func (f *Field) AddName() string { return "add:" + f.Pointer }

// RemoveName is the other one.
func (f *Field) RemoveName() string { return "remove:" + f.Pointer }

// Area is Text for a <textarea>, whose first line break does not count.
func (f *Field) Area() string { return "\n" + f.Text }

// Clearable says that a Secret can be cleared.
func (f *Field) Clearable() bool { return f.Kind == Secret && f.Set }

// Describes are the ids for aria-describedby: of the help and of what is wrong, those
// that there are.
func (f *Field) Describes() string {
	var ids []string
	if f.Help != "" {
		ids = append(ids, f.HelpID())
	}
	if len(f.Messages) > 0 {
		ids = append(ids, f.ErrorID())
	}
	return strings.Join(ids, " ")
}
