package bundle

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseRequires(t *testing.T) {
	cases := []struct{ value, want string }{
		{"org.base >=3.0 <4, org.maps >=1.2; optional", "[org.base >=3.0 <4 org.maps >=1.2; optional]"},
		{"a =1", "[a =1]"},
		{"a>1<=2", "[a >1 <=2]"},
		{"  a   >=   1.0-rc.1+b   <2  ;   optional  ,b =0", "[a >=1.0-rc.1+b <2; optional b =0]"},
	}
	for _, c := range cases {
		got, err := parseRequires(c.value)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("parseRequires(%q) = %v, %v; want %s", c.value, got, err, c.want)
		}
	}
	bad := []struct{ value, want string }{
		{"a", "has no version"}, {"a; optional", "has no version"}, {"a >=1,", "empty"}, {",a >=1", "empty"}, {"a >=1,,b >=1", "empty"},
		{"a 1", "operator"}, {"a >= 1 2", "operator"}, {"a ==1", `"==" is no operator`}, {"a !=1", "operator"}, {"a ~1", "operator"}, {"a =>1", "is no operator"}, {"a <>1", "is no operator"},
		{"a >=", "empty"}, {"a >= <2", "empty"}, {"a >=x", "dotted numbers"}, {"a >=1; opt", `only "optional"`}, {"a >=1;", `only "optional"`}, {"a >=1; optional; optional", `only "optional"`},
		{">=1", "id is empty"}, {"1a >=1", "does not begin"}, {"a/b >=1", "other characters"}, {"a >=1, a <2", "named twice"}, {"a.jar >=1", "ends in .jar"},
		{manyRequirements(maxRequirements + 1), "more than 256"},
	}
	for _, c := range bad {
		if got, err := parseRequires(c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("parseRequires(%.60q) = %v, %v; want an error with %q", c.value, got, err, c.want)
		}
	}
}

func manyRequirements(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("a%d >=1", i))
	}
	return strings.Join(list, ",")
}

func TestRequirementAllows(t *testing.T) {
	cases := []struct {
		requirement string
		yes, no     []string
	}{
		{"a =1.0", []string{"1", "1.0.0+b"}, []string{"1.0.1", "1-rc"}},
		{"a >=3.0 <4", []string{"3", "3.9.99"}, []string{"2.9", "4", "4.0", "3-rc.1"}},
		{"a >1", []string{"1.0.1"}, []string{"1", "1-rc"}},
		{"a <=1", []string{"1", "1-rc", "0"}, []string{"1.0.0.1"}},
		{"a >2 <1", nil, []string{"0", "1", "1.5", "2", "3"}},
	}
	for _, c := range cases {
		r, err := parseRequires(c.requirement)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range c.yes {
			if !r[0].Allows(mustVersion(t, v)) {
				t.Errorf("%s does not allow %s", r[0], v)
			}
		}
		for _, v := range c.no {
			if r[0].Allows(mustVersion(t, v)) {
				t.Errorf("%s allows %s", r[0], v)
			}
		}
	}
}
