package bundle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// complete is a manifest with nothing wrong in it; lines are added behind.
const complete = "Manifest-Version: 1.0\r\n" +
	"extension_class: jmap.extensions.tracking.server.TrackingExtension\r\n" +
	"extension_request: jmap.extensions.tracking.common.TrackingRequest\r\n" +
	"extension_response: jmap.extensions.tracking.common.TrackingResponse\r\n" +
	"extension_name: Tracking\r\n" +
	"extension_version: 5.0.0010\r\n"

// without returns complete without the lines that begin with one of the names.
func without(names ...string) string {
	var b strings.Builder
	for line := range strings.Lines(complete) {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(line, name+":") }) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestParseManifest(t *testing.T) {
	const all = complete +
		"extension_id: org.tracking-2\r\nextension_description: Follows trucks\r\nextension_vendor: K2 Géospatial\r\nextension_license: Apache-2.0\r\n" +
		"extension_homepage: https://example.org/\r\nextension_support: http://example.org/help\r\nextension_release_notes: https://example.org/notes?v=5\r\n" +
		"extension_source: https://example.org/src\r\nextension_security: mailto:security@example.org\r\nextension_min_host: 1.2\r\n" +
		"extension_requires: org.base >=3.0 <4, org.maps >=1.2; optional\r\nextension_exec: exe/${arch}/${os}/run\r\n" +
		"extension_permissions: net:DB.example.org:5432, kv,sql:main,call:a.B, events\r\nextension_upgrade: overlap\r\nextension_singleton: true\r\n"
	m, warnings, err := ParseManifest([]byte(all))
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings %q", warnings)
	}
	for _, field := range []struct{ name, got, want string }{
		{"ID", m.ID, "org.tracking-2"},
		{"Class", m.Class, "jmap.extensions.tracking.server.TrackingExtension"},
		{"Request", m.Request, "jmap.extensions.tracking.common.TrackingRequest"},
		{"Response", m.Response, "jmap.extensions.tracking.common.TrackingResponse"},
		{"Name", m.Name, "Tracking"},
		{"Version", m.Version.String(), "5.0.0010"},
		{"Description", m.Description, "Follows trucks"},
		{"Vendor", m.Vendor, "K2 Géospatial"},
		{"License", m.License, "Apache-2.0"},
		{"Homepage", m.Homepage, "https://example.org/"},
		{"Support", m.Support, "http://example.org/help"},
		{"ReleaseNotes", m.ReleaseNotes, "https://example.org/notes?v=5"},
		{"Source", m.Source, "https://example.org/src"},
		{"Security", m.Security, "mailto:security@example.org"},
		{"MinHost", m.MinHost.String(), "1.2"},
		{"Requires", fmt.Sprint(m.Requires), "[org.base >=3.0 <4 org.maps >=1.2; optional]"},
		{"ExecPath", m.ExecPath("linux", "amd64"), "exe/amd64/linux/run"},
		{"Permissions", strings.Join(m.Permissions, " "), "net:db.example.org:5432 kv sql:main call:a.B events"},
		{"Upgrade", string(m.Upgrade), "overlap"},
		{"Singleton", fmt.Sprint(m.Singleton), "true"},
		{"Attributes", fmt.Sprintln(len(m.Attributes), m.Attributes["manifest-version"], m.Attributes["extension_permissions"]), "21 1.0 net:DB.example.org:5432, kv,sql:main,call:a.B, events\n"},
	} {
		if field.got != field.want {
			t.Errorf("%s = %q, want %q", field.name, field.got, field.want)
		}
	}
}

func TestManifestDefaults(t *testing.T) {
	m, _, err := ParseManifest([]byte(complete))
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != m.Class || m.MinHost != nil || m.Requires != nil || m.Permissions != nil || m.Upgrade != UpgradeExclusive || m.Singleton {
		t.Errorf("defaults: %+v", m)
	}
	if got := m.ExecPath("linux", "arm64"); got != "bin/linux-arm64/extension" {
		t.Errorf("ExecPath = %q", got)
	}
}

// The grammar, case by case: what the JDK accepts and what it would hide.
func TestManifestGrammar(t *testing.T) {
	long := func(n int, end string) string { // a line of n bytes with its end
		return "X-Long: " + strings.Repeat("v", n-len("X-Long: ")-len(end)) + end
	}
	cases := []struct {
		name, manifest string
		line           int
		want           string // part of the error, or of a warning behind "warning:"
	}{
		{"CRLF", complete, 0, ""},
		{"LF", strings.ReplaceAll(complete, "\r\n", "\n"), 0, ""},
		{"a lone CR", strings.ReplaceAll(complete, "\r\n", "\r"), 0, ""},
		{"upper case", strings.ToUpper(complete[:40]) + complete[40:], 0, ""},
		{"a blank line at the end", complete + "\r\n", 0, ""},
		{"several blank lines", complete + "\r\n\r\n\r\nName: a\r\n\r\n\r\n", 0, ""},
		{"a character split over two lines", complete + "extension_vendor: K2 G\xc3\r\n \xa9ospatial\r\n", 0, ""},
		{"the last line without its end", strings.TrimSuffix(complete, "\r\n"), 0, ""},
		{"a continued last line without its end", complete + "extension_vendor: K\r\n 2", 0, ""},
		{"foreign attributes", complete + "Created-By: 17.0.15 (Debian)\r\nExtension-Name: x\r\nFrom: y\r\n", 0, ""},
		{"sections", complete + "\r\nName: a/b.class\r\nSHA-256-Digest: x\r\n\r\nname: c\r\n", 0, ""},
		{"no Manifest-Version", without("Manifest-Version"), 0, "warning:Manifest-Version is missing"},
		{"a foreign attribute twice", complete + "Built-By: a\r\nbuilt-by: b\r\n", 0, "warning:line 8: built-by already stands in line 7"},
		{"a section twice", complete + "\r\nName: a\r\n\r\nName: a\r\n", 0, "warning:line 10: a section of \"a\""},
		{"trailing spaces", complete + "extension_vendor: K2  \r\n", 0, "warning:line 7: extension_vendor: spaces around"},
		{"leading spaces", complete + "extension_vendor:  K2\r\n", 0, "warning:line 7: extension_vendor: spaces around"},
		{"an attribute twice", complete + "extension_name: Other\r\n", 7, "duplicate attribute: extension_name already stands in line 5"},
		{"an attribute twice in other case", complete + "Extension_Name: Tracking\r\n", 7, "already stands in line 5"},
		{"an attribute in a section", complete + "\r\nName: a\r\nextension_vendor: K2\r\n", 9, "extension_vendor stands in the section of \"a\""},
		{"a required attribute only in a section", without("extension_class") + "\r\nName: a\r\nExtension_Class: a.B\r\n", 8, "extension_class stands in the section"},
		{"an attribute in both places", complete + "\r\nName: a\r\nextension_name: Tracking\r\n", 9, "must be in the main section"},
		{"no space behind the colon", complete + "extension_vendor:K2\r\n", 7, "no space stands behind the colon of \"extension_vendor\""},
		{"nothing behind the colon", complete + "extension_vendor:\r\n", 7, "no space stands behind the colon"},
		{"no colon", complete + "extension_vendor K2\r\n", 7, "no colon"},
		{"a BOM", "\ufeff" + complete, 1, "UTF-8 byte order mark (BOM)"},
		{"UTF-16", "\xff\xfeM\x00", 1, "UTF-16"},
		{"invalid UTF-8", complete + "extension_vendor: K2 G\xe9ospatial\r\n", 7, "not valid UTF-8"},
		{"invalid UTF-8 in a section", complete + "\r\nName: G\xe9\r\n", 8, "not valid UTF-8"},
		{"NUL", complete + "extension_vendor: K\x002\r\n", 7, "NUL"},
		{"a line of 512 bytes with LF", complete + long(512, "\n"), 0, ""},
		{"a line of 512 bytes with CRLF", complete + long(512, "\r\n"), 0, ""},
		{"a line of 513 bytes with LF", complete + long(513, "\n"), 7, "longer than 512 bytes"},
		{"a line of 513 bytes with CRLF", complete + long(513, "\r\n"), 7, "longer than 512 bytes"},
		{"a line of 512 bytes without end", complete + long(512, ""), 0, ""},
		{"a line of 513 bytes without end", complete + long(513, ""), 7, "longer than 512 bytes"},
		{"a continuation line too long", complete + "A: b\r\n " + strings.Repeat("c", 512) + "\r\n", 8, "longer than 512 bytes"},
		{"a name of 70", complete + strings.Repeat("n", 70) + ": x\r\n", 0, ""},
		{"a name of 71", complete + strings.Repeat("n", 71) + ": x\r\n", 7, "longer than 70 characters"},
		{"a name with a space", complete + "extension vendor: x\r\n", 7, "has other characters"},
		{"no name", complete + ": x\r\n", 7, "has other characters"},
		{"a blank line at the start", "\r\n" + complete, 1, "begins with a blank line"},
		{"a blank line in the middle", strings.Replace(complete, "extension_name", "\r\nextension_name", 1), 6, "attributes of the extension belong before the first blank line"},
		{"a continuation of nothing", " x\r\n" + complete, 1, "has no header line before it"},
		{"a continuation of nothing in a section", complete + "\r\n x\r\n", 8, "has no header line before it"},
		{"a main section of 64 KiB", complete + strings.Repeat("A: "+strings.Repeat("v", 251)+"\r\n", 254), 0, "warning:already stands"},
		{"a main section over 64 KiB", complete + strings.Repeat("A: "+strings.Repeat("v", 251)+"\r\n", 257), 261, "more than 65536 bytes"},
		{"one value over 64 KiB", complete + "A: b\r\n" + strings.Repeat(" "+strings.Repeat("v", 500)+"\r\n", 140), 147, "more than 65536 bytes"},
		{"sections over 64 KiB", complete + "\r\n" + strings.Repeat("Name: a\r\n\r\n", 10_000), 0, "warning:and further"},
		{"more than 4 MiB", complete + "\r\n" + strings.Repeat("Name: a\r\n\r\n", 400_000), 0, "more than the 4194304 allowed"},
		{"nothing", "", 0, "this is an ordinary JAR"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, warnings, err := ParseManifest([]byte(c.manifest))
			want, warning := strings.CutPrefix(c.want, "warning:")
			if warning || c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if warning != (len(warnings) > 0) || !strings.Contains(strings.Join(warnings, "\n"), want) || len(warnings) > maxWarnings+1 {
					t.Errorf("warnings %q, want %q", warnings, want)
				}
				return
			}
			checkFault(t, err, CodeManifestInvalid, c.line, want)
		})
	}
}

func checkFault(t *testing.T, err error, code Code, line int, want string) {
	t.Helper()
	var fault *Error
	if !errors.As(err, &fault) {
		t.Fatalf("the error is %v, want %s with %q", err, code, want)
	}
	if fault.Code != code || fault.Line != line || !strings.Contains(fault.Message, want) {
		t.Errorf("%s in line %d: %q\nwant %s in line %d: %q", fault.Code, fault.Line, fault.Message, code, line, want)
	}
	if len(fault.Message) > 1000 {
		t.Errorf("the message has %d bytes", len(fault.Message))
	}
}

func TestManifestsThatMissSomething(t *testing.T) {
	client := without("extension_request", "extension_response")
	cases := []struct {
		name, manifest string
		want           string
	}{
		{"an ordinary JAR", "Manifest-Version: 1.0\r\nMain-Class: a.B\r\n", "this is an ordinary JAR, not an extension"},
		{"a JMap client bundle", client, "this is a JMap client bundle"},
		{"hardly a client bundle", without("extension_request"), "extension_request is missing; without it this looks like a JMap client bundle"},
		{"no class", without("extension_class"), "extension_class is missing"},
		{"no response", without("extension_response"), "extension_response is missing"},
		{"no name", without("extension_name"), "extension_name is missing"},
		{"no version", without("extension_version"), "extension_version is missing"},
		{"hyphens", strings.Replace(complete, "extension_class", "Extension-Class", 1), `line 2 has "extension-class", write extension_class`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := ParseManifest([]byte(c.manifest))
			checkFault(t, err, CodeManifestInvalid, 0, c.want)
		})
	}
}

// One value of one attribute at a time.
func TestManifestAttributes(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	const ok, warns = "", "warning"
	cases := []struct{ attribute, value, want string }{
		{"extension_class", "A", ok},
		{"extension_class", "_a.B$1.c_2", ok},
		{"extension_class", long(190), ok},
		{"extension_class", long(191), "longer than 190"},
		{"extension_class", "", "empty"},
		{"extension_class", "a..B", "no full class name"},
		{"extension_class", ".a", "no full class name"},
		{"extension_class", "a.", "no full class name"},
		{"extension_class", "1a", "no full class name"},
		{"extension_class", "a.$B", "no full class name"},
		{"extension_class", "a-b.C", "no full class name"},
		{"extension_class", "é.A", "no full class name"},
		{"extension_class", "${user.home}", "no full class name"},
		{"extension_class", "org.example.jar", "add an extension_id"},
		{"extension_request", "a b", "no full class name"},
		{"extension_response", "a/b", "no full class name"},
		{"extension_name", "Suivi de véhicules, 2 ©", ok},
		{"extension_name", "追跡", ok},
		{"extension_name", strings.Repeat("é", 64), ok},
		{"extension_name", strings.Repeat("é", 65), "at most 64 characters"},
		{"extension_name", "", "empty"},
		{"extension_name", "   ", "empty"},
		{"extension_name", "a\tb", "U+0009"},
		{"extension_name", "a\u00a0b", "U+00A0"},
		{"extension_name", "a\u202eb", "U+202E"},
		{"extension_name", "a\u200bb", "U+200B"},
		{"extension_name", "a\ue000b", "U+E000"},
		{"extension_name", "a\x7fb", "U+007F"},
		{"extension_version", "5.0.0010-rc.1+b", ok},
		{"extension_version", "v5", "dotted numbers"},
		{"extension_version", "", "empty"},
		{"extension_version", "${version}", "dotted numbers"},
		{"extension_id", "a", ok},
		{"extension_id", "_a.$b-c", ok},
		{"extension_id", long(190), ok},
		{"extension_id", long(191), "longer than 190"},
		{"extension_id", "", "empty"},
		{"extension_id", "$a", "does not begin"},
		{"extension_id", "1a", "does not begin"},
		{"extension_id", ".a", "does not begin"},
		{"extension_id", "a..b", "empty part"},
		{"extension_id", "a.", "empty part"},
		{"extension_id", "a.jar", "ends in .jar"},
		{"extension_id", "a.JAR", "ends in .jar"},
		{"extension_id", "a/b", "other characters"},
		{"extension_id", "a b", "other characters"},
		{"extension_id", "ä", "other characters"},
		{"extension_description", "شركة \u200fتتبع", ok},
		{"extension_description", "", warns},
		{"extension_description", "a\x1b[31m", "U+001B"},
		{"extension_vendor", "a\u202eb", "U+202E"},
		{"extension_license", "Apache-2.0 OR (MIT AND LicenseRef-x)", ok},
		{"extension_license", "© K2, all rights reserved", warns},
		{"extension_homepage", "https://example.org:8443/a?b=c#d", ok},
		{"extension_homepage", "HTTPS://example.org", ok},
		{"extension_homepage", "http://[::1]/", ok},
		{"extension_homepage", "", "no web address"},
		{"extension_homepage", "example.org", "no http or https"},
		{"extension_homepage", "ftp://example.org", "no http or https"},
		{"extension_homepage", "javascript:alert(1)", "no http or https"},
		{"extension_homepage", "mailto:a@b", "no http or https"},
		{"extension_homepage", "https:///path", "names no host"},
		{"extension_homepage", "https:opaque", "names no host"},
		{"extension_homepage", "https://good.example@evil.example/", "user name"},
		{"extension_homepage", "https://exämple.org", "percent-encoded"},
		{"extension_homepage", "https://example.org/\">", "percent-encoded"},
		{"extension_homepage", "https://example.org:port/", "no web address"},
		{"extension_security", "mailto:security@example.org", ok},
		{"extension_security", "https://example.org/security", ok},
		{"extension_security", "mailto:nobody", "no mailto"},
		{"extension_security", "tel:5551234", "no http or https"},
		{"extension_min_host", "1.0", ok},
		{"extension_min_host", ">=1.0", "dotted numbers"},
		{"extension_requires", "a >=1", ok},
		{"extension_requires", "", warns},
		{"extension_requires", "a", "has no version"},
		{"extension_requires", "jmap.extensions.tracking.server.TrackingExtension >=1", "is this extension"},
		{"extension_exec", "run", ok},
		{"extension_exec", "bin/$x-${os}", ok},
		{"extension_exec", "", "empty"},
		{"extension_exec", "/bin/sh", "must be relative"},
		{"extension_exec", "../sh", "must be clean"},
		{"extension_exec", "..", "must be clean"},
		{"extension_exec", ".", "must be clean"},
		{"extension_exec", "./run", "must be clean"},
		{"extension_exec", "bin//run", "must be clean"},
		{"extension_exec", "bin/../run", "must be clean"},
		{"extension_exec", "bin/", "must be clean"},
		{"extension_exec", "bin/${user}/run", "another placeholder"},
		{"extension_exec", "bin/${os", "another placeholder"},
		{"extension_exec", "bin/${OS}/run", "another placeholder"},
		{"extension_exec", "$${os}{arch}", ok},
		{"extension_exec", `bin\run`, "can not be the name"},
		{"extension_exec", "c:run", "can not be the name"},
		{"extension_exec", "bin/run.", "can not be the name"},
		{"extension_exec", "bin /run", "can not be the name"},
		{"extension_exec", "META-INF/run", "must not lie in META-INF"},
		{"extension_exec", "meta-inf/run", "must not lie in META-INF"},
		{"extension_upgrade", "exclusive", ok},
		{"extension_upgrade", "Overlap", "neither exclusive nor overlap"},
		{"extension_singleton", "false", ok},
		{"extension_singleton", "yes", "neither true nor false"},
		{"extension_permissions", "", warns},
		{"extension_permissions", "kv, kv", warns},
		{"extension_permissions", "net:a:1,net:10.0.0.1:65535,net:[2001:DB8::1]:443,net:a-b.c_d.example:80", ok},
		{"extension_permissions", "kv,", "item between commas is empty"},
		{"extension_permissions", "KV", "is no permission"},
		{"extension_permissions", "kv:x", "is no permission"},
		{"extension_permissions", "file:/etc", "is no permission"},
		{"extension_permissions", "net", "is no permission"},
		{"extension_permissions", "net:example.org", "has no port"},
		{"extension_permissions", "net::80", "no host name"},
		{"extension_permissions", "net:*:80", "no wildcards"},
		{"extension_permissions", "net:*.example.org:80", "no wildcards"},
		{"extension_permissions", "net:a:0", "1 to 65535"},
		{"extension_permissions", "net:a:65536", "1 to 65535"},
		{"extension_permissions", "net:a:080", "1 to 65535"},
		{"extension_permissions", "net:a:http", "1 to 65535"},
		{"extension_permissions", "net:10.0.0.256:80", "no host name"},
		{"extension_permissions", "net:0x7f.1:80", "no host name"},
		{"extension_permissions", "net:1:80", "no host name"},
		{"extension_permissions", "net:::1:80", "no host name"},
		{"extension_permissions", "net:[1.2.3.4]:80", "no IPv6"},
		{"extension_permissions", "net:[fe80::1%eth0]:80", "no IPv6"},
		{"extension_permissions", "net:-a:80", "no host name"},
		{"extension_permissions", "net:a..b:80", "no host name"},
		{"extension_permissions", "net:a b:80", "no host name"},
		{"extension_permissions", "sql:main-2", ok},
		{"extension_permissions", "sql:", "data source"},
		{"extension_permissions", "sql:a.b", "data source"},
		{"extension_permissions", "call:a.b.C", ok},
		{"extension_permissions", "call:*", "no full class name"},
		{"extension_vender", "x", "did you mean extension_vendor?"},
		{"extension_realease_notes", "x", "did you mean extension_release_notes?"},
		{"extension_", "x", "unknown attribute extension_"},
		{"extension_priority_of_the_thing", "x", "unknown attribute"},
		{"EXTENSION_CLAS", "x", "unknown attribute extension_clas; did you mean extension_class?"},
	}
	for _, c := range cases {
		t.Run(c.attribute+"="+c.value, func(t *testing.T) {
			manifest := without(c.attribute)
			line := strings.Count(manifest, "\n") + 1
			_, warnings, err := ParseManifest([]byte(manifest + c.attribute + ": " + c.value + "\r\n"))
			switch c.want {
			case ok, warns:
				if err != nil {
					t.Fatal(err)
				}
				if (len(warnings) > 0) != (c.want == warns) {
					t.Errorf("warnings %q", warnings)
				}
			default:
				checkFault(t, err, CodeManifestInvalid, line, c.want)
			}
		})
	}
}

func TestPermissionsHaveOneSpelling(t *testing.T) {
	m, warnings, err := ParseManifest([]byte(complete + "extension_permissions: net:A.example:80, net:a.EXAMPLE:80, net:[2001:DB8:0::1]:1, net:[2001:db8::1]:1\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Permissions, " "); got != "net:a.example:80 net:[2001:db8::1]:1" || len(warnings) != 1 {
		t.Errorf("permissions %q, warnings %q", got, warnings)
	}
}

func TestNormalizeManifest(t *testing.T) {
	got, err := NormalizeManifest([]byte("Built-By: a\nextension_class: a.B\nextension_request: a.Req\nextension_response: a.Resp\n" +
		"Extension_Name:  " + strings.Repeat("né", 32) + " \nextension_version: 05\nBuilt-By: b"))
	if err != nil {
		t.Fatal(err)
	}
	want := "Manifest-Version: 1.0\r\nextension_class: a.B\r\nextension_request: a.Req\r\nextension_response: a.Resp\r\n" +
		"Extension_Name: " + strings.Repeat("né", 18) + "n\r\n é" + strings.Repeat("né", 13) + "\r\nextension_version: 05\r\nBuilt-By: b\r\n\r\n"
	if string(got) != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	_, err = NormalizeManifest([]byte(complete + "\r\nName: a\r\n"))
	checkFault(t, err, CodeManifestInvalid, 8, "sections about single entries")
}

func TestFormatManifestRefuses(t *testing.T) {
	for name, attrs := range map[string][]Attribute{
		"a name with a colon": {{"a:b", "x"}}, "no name": {{"", "x"}}, "a long name": {{strings.Repeat("n", 71), "x"}},
		"a line break": {{"a", "x\ny"}}, "a CR": {{"a", "x\ry"}}, "NUL": {{"a", "\x00"}}, "no UTF-8": {{"a", "\xff"}}, "a name twice": {{"a", "x"}, {"A", "y"}},
	} {
		if out, err := FormatManifest(attrs); err == nil {
			t.Errorf("%s: FormatManifest = %q, want an error", name, out)
		}
	}
}
