package difference_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/admin/internal/difference"
)

// show writes lines as "+/a b", "-/a b" and "~/a b > c".
func show(lines []difference.Line) string {
	var all []string
	for _, l := range lines {
		place := "/" + strings.Join(l.Path, "/")
		switch l.Kind {
		case difference.Added:
			all = append(all, "+"+place+" "+l.After)
		case difference.Removed:
			all = append(all, "-"+place+" "+l.Before)
		case difference.Changed:
			all = append(all, "~"+place+" "+l.Before+" > "+l.After)
		case difference.Rest:
			all = append(all, "…")
		}
	}
	return strings.Join(all, "; ")
}

func TestOf(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"nothing at all", ``, ``, ``},
		{"the same", `{"a":1,"b":[1,{"c":2}]}`, `{"b":[1,{"c":2}],"a":1}`, ``},
		{"one member", `{"enabled":true,"pinned":""}`, `{"enabled":false,"pinned":""}`, `~/enabled true > false`},
		{"to nothing", `{"pinned":"sha256:1"}`, `{"pinned":""}`, `~/pinned sha256:1 > ""`},
		{"made", ``, `{"role":"viewer","owns":[]}`, `+/owns []; +/role viewer`},
		{"gone", `{"role":"viewer"}`, `null`, `-/role viewer`},
		{"a member more", `{"a":1}`, `{"a":1,"b":{"c":2}}`, `+/b {"c":2}`},
		{"within", `{"a":{"b":{"c":1,"d":2}}}`, `{"a":{"b":{"c":1,"d":3}}}`, `~/a/b/d 2 > 3`},
		{"items of a list", `{"granted":["kv","net:a:1"]}`, `{"granted":["events","kv"]}`, `-/granted net:a:1; +/granted events`},
		{"an item twice", `["a"]`, `["a","a"]`, `+/ a`},
		{"another order", `["a","b"]`, `["b","a"]`, `~/ ["a","b"] > ["b","a"]`},
		{"lists of objects", `[{"a":1}]`, `[{"a":2}]`, `~/ [{"a":1}] > [{"a":2}]`},
		{"a number and its text", `{"a":1}`, `{"a":"1"}`, `~/a 1 > 1`},
		{"large numbers", `{"a":12345678901234567890}`, `{"a":12345678901234567891}`, `~/a 12345678901234567890 > 12345678901234567891`},
		{"other kinds", `{"a":{"b":1}}`, `{"a":[1]}`, `~/a {"b":1} > [1]`},
		{"no JSON", `{`, `{"a":1}`, `+/a 1`},
		{"hostile", `{"a":"<script>"}`, `{"a":"</td>&"}`, `~/a <script> > </td>&`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := show(difference.Of([]byte(c.before), []byte(c.after))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestBound(t *testing.T) {
	many := map[string]int{}
	for i := range 10 * difference.MaxLines {
		many[fmt.Sprint(i)] = i
	}
	raw, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	lines := difference.Of(nil, raw)
	if len(lines) != difference.MaxLines || lines[len(lines)-1].Kind != difference.Rest || lines[0].Kind != difference.Added {
		t.Errorf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
	}
	deep := strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000)
	if got := difference.Of([]byte(deep), []byte(strings.Replace(deep, "1", "2", 1))); len(got) != 1 {
		t.Errorf("%d lines of what is nested deeply", len(got))
	}
}

// FuzzOf: equal values have no line, others have one, and there is a bound.
func FuzzOf(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":2}`)
	f.Add(`["a",1,null]`, `["a",null,"1"]`)
	f.Add(`{"a":[{}],"b":""}`, `{"a":[[]]}`)
	f.Add(``, `null`)
	f.Add(`"x"`, `"\ud800"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		lines := difference.Of([]byte(a), []byte(b))
		if len(lines) > difference.MaxLines {
			t.Fatalf("%d lines", len(lines))
		}
		var x, y any
		if decode(a, &x) != nil || decode(b, &y) != nil {
			return
		}
		if same := reflect.DeepEqual(x, y); same != (len(lines) == 0) {
			t.Errorf("%q and %q: %s", a, b, show(lines))
		}
	})
}

func decode(text string, v *any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}
