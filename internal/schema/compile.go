package schema

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// node is one compiled subschema. A nil pointer or slice means that the keyword is
// absent. The tape indices const and enum speak of the schema's own tape.
type node struct {
	pointer string // place in the document
	never   bool   // the schema false
	blank   bool   // the schema true, or an object without assertions

	types             typeSet
	constant          uint32 // 0: absent, since cell 0 is the root schema
	enum              []uint32
	minimum, maximum  *bound
	multipleOf        *decimal
	minLength         int
	maxLength         int
	pattern           *pattern
	minItems          int
	maxItems          int
	unique            bool
	minProps          int
	maxProps          int
	required          []string
	properties        map[string]*property
	patternProps      []patternProperty
	additional        *node
	propertyNames     *node
	dependentRequired []dependentRequired
	dependentSchemas  []dependentSchema
	unevaluatedProps  *node
	prefixItems       []*node
	items             *node
	contains          *node
	minContains       int
	maxContains       int
	unevaluatedItems  *node

	ref               *node
	allOf             []*node
	anyOf, oneOf      []*node
	not               *node
	ifs, thens, elses *node

	// extra are subschemas that only a reference uses: $defs, and then without if.
	extra []*node
	// recursive is set where a $ref leads back to: such a node may meet the same
	// value many times over.
	recursive bool
}

type bound struct {
	decimal
	exclusive bool
	text      string
}

// property is what a schema says of one key.
type property struct {
	schema   *node // nil when the key is only required
	required bool
}

type patternProperty struct {
	pattern *pattern
	schema  *node
}

type dependentRequired struct {
	key      string
	required []string
}

type dependentSchema struct {
	key    string
	schema *node
}

// unlimited stands for an absent upper limit.
const unlimited = int(^uint(0) >> 1)

// compiler turns a tape into nodes, once per cell: references share them.
type compiler struct {
	*tape
	nodes    map[uint32]*node
	order    []*node // in the order of their making
	pending  []reference
	patterns int // instructions of all patterns so far

	// What follows keeps many references into one large value as cheap as one.
	members map[uint32]map[string]uint32 // of objects: key → cell of its value
	items   map[uint32][]uint32          // of arrays
	checked int                          // bytes given to the metaschema by resolve
}

// maxChecked bounds the bytes of places that only references make schemas. Apart
// from each other they are no more than the document; one within another, each
// level would be checked again.
const maxChecked = 2 * MaxBytes

// reference is a $ref whose target is looked up when all else is compiled.
type reference struct {
	from   *node
	target string // JSON pointer
}

// compile makes the nodes of the document's root and of everything it refers to.
func (c *compiler) compile() (*node, error) {
	root, err := c.schema(0, "")
	if err != nil {
		return nil, err
	}
	for len(c.pending) > 0 {
		r := c.pending[0]
		c.pending = c.pending[1:]
		at, err := c.resolve(r)
		if err != nil {
			return nil, err
		}
		if r.from.ref, err = c.schema(at, r.target); err != nil {
			return nil, err
		}
	}
	return root, nil
}

// schema compiles the subschema in cell i. Nesting in a document is bounded by the
// parser, so this recursion is.
func (c *compiler) schema(i uint32, pointer string) (*node, error) {
	if n, ok := c.nodes[i]; ok {
		return n, nil
	}
	n := &node{
		pointer: pointer, minContains: 1,
		maxLength: unlimited, maxItems: unlimited, maxProps: unlimited, maxContains: unlimited,
	}
	c.nodes[i] = n
	if c.order = append(c.order, n); len(c.order) > MaxSubschemas {
		return nil, &Error{Message: fmt.Sprintf("there are more than %d subschemas", MaxSubschemas)}
	}
	switch c.cells[i].kind {
	case boolean:
		n.never, n.blank = !c.isTrue(i), c.isTrue(i)
		return n, nil
	case object:
	default:
		return nil, &Error{pointer, "a schema must be an object, true or false"}
	}
	n.blank = true
	end := c.cells[i].next
	for k := i + 1; k < end; k = c.cells[k+1].next {
		if err := c.keyword(n, string(c.text(k)), k+1); err != nil {
			return nil, err
		}
	}
	if n.ifs == nil { // then and else mean nothing alone
		for _, m := range []*node{n.thens, n.elses} {
			if m != nil {
				n.extra = append(n.extra, m)
			}
		}
		n.thens, n.elses = nil, nil
	}
	for _, name := range n.required {
		n.property(name).required = true
	}
	return n, nil
}

func (n *node) property(name string) *property {
	p := n.properties[name]
	if p == nil {
		if n.properties == nil {
			n.properties = map[string]*property{}
		}
		p = &property{}
		n.properties[name] = p
	}
	return p
}

// keyword compiles one member of a schema object. What is not known here is an
// annotation. The finer rules of a keyword's value are the metaschema's, which is
// checked later, because here is where the number of subschemas is bounded.
func (c *compiler) keyword(n *node, name string, v uint32) (err error) {
	at := n.pointer + "/" + pointerToken(name)
	if err := c.forbidden(name, v, at); err != nil {
		return err
	}
	if err := c.shape(name, v, at); err != nil {
		return err
	}
	asserts := true
	switch name {
	case "$ref":
		err = c.reference(n, v, at)
	case "type", "const", "enum", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf",
		"minLength", "maxLength", "pattern":
		err = c.scalarKeyword(n, name, v, at)
	case "minItems", "maxItems", "uniqueItems", "prefixItems", "items", "contains", "minContains", "maxContains", "unevaluatedItems":
		err = c.arrayKeyword(n, name, v, at)
	case "minProperties", "maxProperties", "required", "properties", "patternProperties", "additionalProperties",
		"propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties":
		err = c.objectKeyword(n, name, v, at)
	case "allOf":
		n.allOf, err = c.list(v, at)
	case "anyOf":
		n.anyOf, err = c.list(v, at)
	case "oneOf":
		n.oneOf, err = c.list(v, at)
	case "not":
		n.not, err = c.schema(v, at)
	case "if":
		n.ifs, err = c.schema(v, at)
	case "then":
		n.thens, err = c.schema(v, at)
	case "else":
		n.elses, err = c.schema(v, at)
	case "$defs", "definitions":
		asserts = false
		err = c.each(v, at, func(_ string, m *node) { n.extra = append(n.extra, m) })
	case "contentSchema":
		asserts = false
		m, fault := c.schema(v, at)
		n.extra, err = append(n.extra, m), fault
	default:
		asserts = false
	}
	n.blank = n.blank && !asserts
	return err
}

func (c *compiler) reference(n *node, v uint32, at string) error {
	ref := string(c.text(v))
	fragment, local := strings.CutPrefix(ref, "#")
	pointer, err := url.PathUnescape(fragment)
	if !local || err != nil || pointer != "" && pointer[0] != '/' {
		return &Error{at, "the $ref " + strconv.Quote(clip(ref)) + " is not local; only \"#\" and \"#/…\" (a JSON pointer) are allowed"}
	}
	c.pending = append(c.pending, reference{n, pointer})
	return nil
}

// resolve finds the cell that a reference means.
func (c *compiler) resolve(r reference) (uint32, error) {
	at, ok := c.find(r.target)
	if !ok {
		return 0, &Error{r.from.pointer + "/$ref", "the $ref " + strconv.Quote(clip("#"+r.target)) + " leads nowhere"}
	}
	if _, known := c.nodes[at]; known {
		return at, nil
	}
	// A place where no schema was expected, so the metaschema has not seen it.
	if kind := c.cells[at].kind; kind != object && kind != boolean {
		return 0, &Error{r.from.pointer + "/$ref", "the $ref " + strconv.Quote(clip("#"+r.target)) + " leads to something that is no schema"}
	}
	raw := c.raw(at)
	if c.checked += len(raw); c.checked > maxChecked {
		return 0, &Error{r.from.pointer + "/$ref", "the $ref " + strconv.Quote(clip("#"+r.target)) + " leads into one more large schema within another; put them side by side into $defs"}
	}
	if err := checkMeta(raw, r.target); err != nil {
		return 0, err
	}
	return at, nil
}

// find walks a JSON pointer.
func (c *compiler) find(pointer string) (uint32, bool) {
	at := uint32(0)
	if pointer == "" {
		return at, true
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		var ok bool
		switch c.cells[at].kind {
		case object:
			at, ok = c.value(at, strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
		case array:
			at, ok = c.item(at, token)
		}
		if !ok {
			return 0, false
		}
	}
	return at, true
}

// value finds a member of the object at i.
func (c *compiler) value(i uint32, key string) (uint32, bool) {
	if c.cells[i].count <= smallObject {
		return c.member(i, key)
	}
	index := c.members[i]
	if index == nil {
		index = make(map[string]uint32, c.cells[i].count)
		for k := i + 1; k < c.cells[i].next; k = c.cells[k+1].next {
			index[string(c.text(k))] = k + 1
		}
		c.members[i] = index
	}
	at, ok := index[key]
	return at, ok
}

// item finds an item of the array at i.
func (c *compiler) item(i uint32, token string) (uint32, bool) {
	n, err := strconv.ParseUint(token, 10, 32)
	if err != nil || uint32(n) >= c.cells[i].count || strconv.FormatUint(n, 10) != token {
		return 0, false
	}
	index := c.items[i]
	if index == nil {
		index = make([]uint32, 0, c.cells[i].count)
		for at := i + 1; at < c.cells[i].next; at = c.cells[at].next {
			index = append(index, at)
		}
		c.items[i] = index
	}
	return index[n], true
}

// list compiles an array of schemas.
func (c *compiler) list(v uint32, at string) ([]*node, error) {
	nodes := make([]*node, 0, c.cells[v].count)
	for i := v + 1; i < c.cells[v].next; i = c.cells[i].next {
		m, err := c.schema(i, at+"/"+strconv.Itoa(len(nodes)))
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, m)
	}
	return nodes, nil
}

// each compiles an object of schemas.
func (c *compiler) each(v uint32, at string, add func(key string, m *node)) error {
	for k := v + 1; k < c.cells[v].next; k = c.cells[k+1].next {
		key := string(c.text(k))
		m, err := c.schema(k+1, at+"/"+pointerToken(key))
		if err != nil {
			return err
		}
		add(key, m)
	}
	return nil
}

// strings reads an array of strings; of another value it makes an empty list.
func (c *compiler) strings(v uint32) []string {
	var list []string
	if c.cells[v].kind != array {
		return nil
	}
	for i := v + 1; i < c.cells[v].next; i = c.cells[i].next {
		list = append(list, string(c.text(i)))
	}
	return list
}

// size reads a keyword that counts; what does not fit an int is beyond any payload.
func (c *compiler) size(v uint32) int {
	d := parseDecimal(c.raw(v))
	if d.exp > 15 {
		return unlimited
	}
	n := 0
	for i := range int(d.exp) {
		n *= 10
		if i < len(d.digits) {
			n += int(d.digits[i] - '0')
		}
	}
	return n
}
