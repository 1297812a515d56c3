// Package jamitest is the store client of Jami Desktop, step by step as docs/jami.md tells
// it, with its mistakes: what a store must not provoke, a Desktop shows. It is for tests
// only.
//
//	d := &jamitest.Desktop{Base: url, ABI: "x86_64-linux-gnu", Locale: "fr_CA", Daemon: install}
//	d.OpenStore()
//	d.Install("Greenery")
package jamitest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Status is the state of a row, by the numbers of the client's own enumeration.
type Status int

// The states.
const (
	Installable Status = 258 + iota
	Downloading
	Installing
	Installed
	Failed
	Updatable
)

// Row is what the client shows of one extension.
type Row struct {
	ID, Name, Description, Author, Timestamp string
	Status                                   Status
	Icon, Background                         string // names in its cache, "" when they could not be fetched
}

// Desktop is a client. Its methods are called by one goroutine. The fields in the second
// part are what a person sees.
type Desktop struct {
	Base string // the setting PluginStoreEndpoint; not to end in a slash
	ABI  string
	// Locale is Qt's name of it: fr_CA.
	Locale     string
	AutoUpdate bool
	// Daemon installs a file and answers a code, 0 for success.
	Daemon func(file string, archive []byte) int

	Rows        map[string]*Row   // of the store
	Installs    map[string]string // id to version
	Updates     map[string]bool   // installed ones with an update that is offered
	Cache       map[string][]byte // pictures, for ever
	Unavailable bool              // "store unavailable"
	Nothing     bool              // "nothing for this platform"
	Dialogs     int               // "error while installing"
	Crashed     bool              // it read behind the end of a list

	// hooked says that the signal which every request shares counts as one of the list: it
	// does from the request for the list until that has brought something.
	hooked bool
}

// get is a request: GET, its language, whatever the network says. Errors of any of them go
// to the one signal.
func (d *Desktop) get(path string) (body []byte, ok bool) {
	r, err := http.NewRequest(http.MethodGet, d.Base+path, nil) // paths are appended as text
	if err != nil {
		return nil, d.failed()
	}
	r.Header.Set("Accept-Language", d.Locale)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, d.failed()
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil || answer.StatusCode/100 != 2 {
		return nil, d.failed()
	}
	return body, true
}

func (d *Desktop) failed() bool {
	if d.hooked {
		d.Unavailable = true
	}
	return false
}

// Start is what the client does when it starts, and once a day: it asks for the versions of
// everything that is installed, whether the store knows it or not.
func (d *Desktop) Start() {
	for _, id := range slices.Sorted(maps.Keys(d.Installs)) {
		d.CheckVersion(id)
	}
}

// OpenStore asks for the list. What is installed is filtered out, and the rows are drawn.
func (d *Desktop) OpenStore() {
	d.hooked, d.Unavailable, d.Nothing = true, false, false
	d.Rows = map[string]*Row{}
	body, ok := d.get("?arch=" + d.ABI)
	if !ok {
		return
	}
	var list []map[string]any
	if json.Unmarshal(body, &list) != nil || len(list) == 0 {
		d.Nothing = true
		return
	}
	d.hooked = false
	for _, object := range list {
		d.take(object)
	}
	for _, id := range slices.Sorted(maps.Keys(d.Rows)) {
		d.draw(d.Rows[id])
	}
}

// take makes a row of an object.
func (d *Desktop) take(object map[string]any) {
	text := func(key string) string { s, _ := object[key].(string); return s }
	row := &Row{ID: text("id"), Name: text("name"), Description: text("description"), Author: text("author"), Timestamp: text("timestamp"), Status: Installable}
	if row.ID == "" {
		row.ID = row.Name
	}
	if status, ok := object["status"].(float64); ok { // it never looks whose word that is
		if row.Status = Status(status); row.Status == Failed {
			d.Dialogs++
		}
	}
	if _, installed := d.Installs[row.ID]; !installed {
		d.Rows[row.ID] = row
	}
}

// draw fetches the pictures of a row: once, whatever their type, for ever.
func (d *Desktop) draw(row *Row) {
	fetch := func(route, ending string) string {
		name := route + "/" + row.ID + ending
		if _, ok := d.Cache[name]; ok {
			return name
		}
		body, ok := d.get("/" + route + "/" + row.ID + "?arch=" + d.ABI)
		if !ok {
			return ""
		}
		if d.Cache == nil {
			d.Cache = map[string][]byte{}
		}
		d.Cache[name] = body
		return name
	}
	row.Icon, row.Background = fetch("icons", ".svg"), fetch("backgrounds", ".jpg")
}

// Install is the button of a row. It downloads and installs; where a download ends in an
// error, the row stays as it is until somebody cancels.
func (d *Desktop) Install(id string) {
	row := d.Rows[id]
	if row == nil || row.Status != Installable && row.Status != Failed {
		panic(fmt.Sprintf("there is no button to install %s", id))
	}
	row.Status = Downloading
	code, ok := d.fetch(id)
	switch {
	case !ok:
	case code == 0:
		row.Status = Installed
		delete(d.Rows, id)
	default:
		row.Status = Failed
		d.Dialogs++
	}
}

// fetch downloads the newest version and gives it to the daemon; ok is false when there
// was nothing to give.
func (d *Desktop) fetch(id string) (code int, ok bool) {
	address := "/download/" + d.ABI + "/" + id
	archive, ok := d.get(address)
	if !ok {
		return 0, false
	}
	if code = d.Daemon(path.Base(address)+".jpl", archive); code == 0 {
		if d.Installs == nil {
			d.Installs = map[string]string{}
		}
		d.Installs[id], _ = d.newest(id)
	}
	return code, true
}

// Cancel is the button of a row that is downloading. The row is drawn anew, from its
// details if it is not listed.
func (d *Desktop) Cancel(id string) {
	if row := d.Rows[id]; row != nil && row.Status == Downloading {
		row.Status = Installable
		d.details(id)
	}
}

// Uninstall takes an extension away. Its row comes back by its details and the list.
func (d *Desktop) Uninstall(id string) {
	delete(d.Installs, id)
	delete(d.Updates, id)
	d.details(id)
	d.OpenStore()
}

func (d *Desktop) details(id string) {
	body, ok := d.get("/details/" + id + "?arch=" + d.ABI)
	if !ok {
		return
	}
	var object map[string]any
	if json.Unmarshal(body, &object) == nil && object != nil {
		d.take(object)
	}
}

// newest asks for the versions of an extension. Of the answer it reads the first element,
// whether there is one or not.
func (d *Desktop) newest(id string) (version string, ok bool) {
	body, ok := d.get("/versions/" + id + "?arch=" + d.ABI)
	if !ok {
		return "", false
	}
	var list []struct{ Version string }
	if json.Unmarshal(body, &list) != nil || len(list) == 0 {
		d.Crashed = true
		return "", false
	}
	return list[0].Version, true
}

// CheckVersion is done at the start, once a day, and whenever the row of an installed
// extension is drawn.
func (d *Desktop) CheckVersion(id string) {
	version, ok := d.newest(id)
	if !ok || !newer(version, d.Installs[id]) {
		return
	}
	if d.Updates == nil {
		d.Updates = map[string]bool{}
	}
	d.Updates[id] = true
	if d.AutoUpdate {
		d.Update(id)
	}
}

// Update is the button of an installed extension for which there is an update. When it
// fails, the button is there again, behind a dialog.
func (d *Desktop) Update(id string) {
	if !d.Updates[id] {
		panic(fmt.Sprintf("there is no update of %s", id))
	}
	switch code, ok := d.fetch(id); {
	case ok && code == 0:
		delete(d.Updates, id)
	case ok:
		d.Dialogs++
	}
}

// newer compares as the client does: as numbers, what is none as 0, and never versions
// that have different numbers of parts.
func newer(offered, installed string) bool {
	a, b := strings.Split(offered, "."), strings.Split(installed, ".")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, _ := strconv.Atoi(a[i])
		y, _ := strconv.Atoi(b[i])
		if x != y {
			return x > y
		}
	}
	return false
}
