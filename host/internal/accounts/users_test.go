package accounts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUsersLastOverARestart(t *testing.T) {
	h := newHouse(t)
	made, err := h.AddUser(t.Context(), NewUser{Name: "vera", Role: Operator, Owns: []string{"b.B", "a.A", "b.B"}, Password: goodWord}, by)
	if err != nil {
		t.Fatal(err)
	}
	if !made.MustChange || made.Revision != 1 || made.Source != Local || !slices.Equal(made.Owns, []string{"a.A", "b.B"}) || made.LastSeen != nil {
		t.Errorf("%+v", made)
	}
	h.restart()
	got, err := h.User("vera")
	if err != nil || fmt.Sprint(got) != fmt.Sprint(made) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, made)
	}
	_, err = h.AddUser(t.Context(), NewUser{Name: "vera", Role: Viewer, Password: goodWord}, by)
	wantCode(t, err, Conflict)
}

func TestUsersThatCannotBe(t *testing.T) {
	h := newHouse(t)
	for what, n := range map[string]NewUser{
		"no name":         {Role: Viewer, Password: goodWord},
		"the host's name": {Name: "host", Role: Viewer, Password: goodWord},
		"no role":         {Name: "vera", Password: goodWord},
		"another role":    {Name: "vera", Role: "root", Password: goodWord},
		"no password":     {Name: "vera", Role: Viewer},
		"a short one":     {Name: "vera", Role: Viewer, Password: "secret"},
		"a strange id":    {Name: "vera", Role: Viewer, Password: goodWord, Owns: []string{"../etc"}},
		"an empty id":     {Name: "vera", Role: Viewer, Password: goodWord, Owns: []string{""}},
		"too many ids":    {Name: "vera", Role: Viewer, Password: goodWord, Owns: strings.Fields(manyIDs(maxOwned + 1))},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := h.AddUser(t.Context(), n, by)
			wantCode(t, err, Invalid)
		})
	}
	if len(h.Users()) != 1 {
		t.Errorf("%+v", h.Users())
	}
}

func manyIDs(n int) (text string) {
	for i := range n {
		text += fmt.Sprintf("x%d.X ", i)
	}
	return text
}

// Somebody can always administer the host.
func TestLastAdministratorStays(t *testing.T) {
	viewer, yes, no := Viewer, true, false
	h := newHouse(t)
	h.add("ann", Viewer)
	h.add("bob", Administrator)
	if _, err := h.ChangeUser(t.Context(), UserChange{Name: "bob", Disabled: &yes}, by); err != nil {
		t.Fatal(err)
	}
	try := map[string]func() error{
		"removed": func() error { return h.RemoveUser(t.Context(), "admin", 0, by) },
		"disabled": func() error {
			_, err := h.ChangeUser(t.Context(), UserChange{Name: "admin", Disabled: &yes}, by)
			return err
		},
		"demoted": func() error {
			_, err := h.ChangeUser(t.Context(), UserChange{Name: "admin", Role: &viewer}, by)
			return err
		},
	}
	for what, do := range try {
		if e := wantCode(t, do(), Conflict); !strings.Contains(e.Message, "last administrator") {
			t.Errorf("%s: %v", what, e)
		}
	}
	if u, err := h.User("admin"); err != nil || u.Disabled || u.Role != Administrator || u.Revision != 1 {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := h.ChangeUser(t.Context(), UserChange{Name: "bob", Disabled: &no}, by); err != nil {
		t.Fatal(err)
	}
	if err := try["removed"](); err != nil {
		t.Errorf("with another one: %v", err)
	}
}

func TestChangesOfWhatWasChangedMeanwhile(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	operator, administrator := Operator, Administrator
	seen := h.users["vera"].Revision
	if _, err := h.ChangeUser(t.Context(), UserChange{Name: "vera", Role: &operator, Revision: seen}, by); err != nil {
		t.Fatal(err)
	}
	_, err := h.ChangeUser(t.Context(), UserChange{Name: "vera", Role: &administrator, Revision: seen}, by)
	wantCode(t, err, Changed)
	wantCode(t, h.RemoveUser(t.Context(), "vera", seen, by), Changed)
	wantCode(t, h.RemoveUser(t.Context(), "nobody", 0, by), NotFound)
	if err := h.RemoveUser(t.Context(), "vera", seen+1, by); err != nil {
		t.Error(err)
	}
}

func TestChangeOfTheOwnPassword(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	old := h.signIn("vera")
	for what, c := range map[string]struct {
		old, password string
		want          Code
	}{
		"the old one wrong": {otherWord, otherWord, Unauthenticated},
		"the same":          {goodWord, goodWord, Invalid},
		"too short":         {goodWord, "short", Invalid},
	} {
		_, err := h.ChangePassword(t.Context(), "vera", c.old, c.password, here)
		if e := wantCode(t, err, c.want); e == nil {
			t.Error(what)
		}
	}
	if _, err := h.Session(t.Context(), old); err != nil {
		t.Errorf("after refused changes: %v", err)
	}
	s, err := h.ChangePassword(t.Context(), "vera", goodWord, otherWord, here)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := h.Session(t.Context(), s.Secret); err != nil || id.Name != "vera" {
		t.Errorf("the new session: %+v, %v", id, err)
	}
	_, err = h.Session(t.Context(), old)
	wantCode(t, err, Unauthenticated)
	for range maxOfName { // guesses of the old one count as sign-ins do
		_, err = h.ChangePassword(t.Context(), "vera", goodWord, "yet another horse", here)
	}
	wantCode(t, err, Exhausted)
}

func TestAdmit(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	claim := Claim{Issuer: "https://id.example", Subject: "42", Name: "Vera K (Ops)", Role: Administrator}
	s, err := h.Admit(ctx, claim, here)
	if err != nil {
		t.Fatal(err)
	}
	if s.Identity.Name != "vera-k--ops-" || s.Identity.Via != ViaOpenID || s.Identity.Role != Administrator {
		t.Errorf("%+v", s.Identity)
	}
	h.restart()

	// The subject is who it is, whatever the name; the role is that of today.
	claim.Name, claim.Role = "somebody", Viewer
	again, err := h.Admit(ctx, claim, here)
	if err != nil || again.Identity.Name != "vera-k--ops-" || again.Identity.Role != Viewer {
		t.Errorf("%+v, %v", again.Identity, err)
	}
	_, err = h.Session(ctx, s.Secret)
	wantCode(t, err, Unauthenticated) // the role of that session is gone

	operator, yes := Operator, true
	_, err = h.ChangeUser(ctx, UserChange{Name: "vera-k--ops-", Role: &operator}, by)
	wantCode(t, err, Conflict)
	wantCode(t, h.SetPassword(ctx, "vera-k--ops-", goodWord, false, by), Conflict)
	_, err = h.Admit(ctx, Claim{"https://id.example", "43", "ADMIN", Administrator}, here)
	wantCode(t, err, Conflict) // nobody becomes the local admin
	_, err = h.Admit(ctx, Claim{"https://id.example", "44", "", Viewer}, here)
	wantCode(t, err, Invalid)
	_, err = h.Admit(ctx, Claim{"https://id.example", "45", "otto", ""}, here)
	wantCode(t, err, PermissionDenied)

	if _, err := h.ChangeUser(ctx, UserChange{Name: "vera-k--ops-", Disabled: &yes}, by); err != nil {
		t.Fatal(err)
	}
	_, err = h.Admit(ctx, claim, here)
	wantCode(t, err, PermissionDenied)
}

// What the provider takes away does not stay, also from the last administrator.
func TestProviderDemotesTheLastAdministrator(t *testing.T) {
	h := newHouse(t)
	claim := Claim{"https://id.example", "42", "vera", Administrator}
	if _, err := h.Admit(t.Context(), claim, here); err != nil {
		t.Fatal(err)
	}
	if err := h.RemoveUser(t.Context(), "admin", 0, by); err != nil {
		t.Fatal(err)
	}
	claim.Role = Viewer
	s, err := h.Admit(t.Context(), claim, here)
	if err != nil || s.Identity.Role != Viewer {
		t.Errorf("%+v, %v", s.Identity, err)
	}
	if _, err := h.Bearer(t.Context(), adminToken); err != nil {
		t.Errorf("the way back: %v", err)
	}
	h.restart() // users there are, so no first one is made
	if len(h.Users()) != 1 {
		t.Errorf("%+v", h.Users())
	}
}

func TestTokens(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	h.add("vera", Operator, "a.A", "b.B")
	end := h.clock().Add(time.Hour)
	plain := h.token(NewToken{User: "vera", Role: Operator})
	owner := h.token(NewToken{User: "vera", Role: Viewer, Owner: true})
	scoped := h.token(NewToken{User: "vera", Role: Viewer, Owner: true, Extensions: []string{"c.C", "b.B"}, Expires: &end})
	if !strings.HasPrefix(plain, "jfk_") || len(plain) != 44 {
		t.Errorf("%q", plain)
	}
	for _, when := range []string{"at once", "after a restart"} {
		for _, c := range []struct {
			secret     string
			role       Role
			owns, only []string
		}{
			{plain, Operator, nil, nil},
			{owner, Viewer, []string{"a.A", "b.B"}, nil},
			{scoped, Viewer, []string{"b.B"}, []string{"b.B", "c.C"}},
		} {
			id, err := h.Bearer(ctx, c.secret)
			if err != nil || id.Name != "vera" || id.Role != c.role || id.Via != ViaToken || !slices.Equal(id.Owns, c.owns) || !slices.Equal(id.Extensions, c.only) {
				t.Errorf("%s: %+v, %v", when, id, err)
			}
		}
		h.restart()
	}
	for _, secret := range []string{"", "jfk_", plain + "x", plain[:43], strings.Repeat("x", 1<<20)} {
		_, err := h.Bearer(ctx, secret)
		wantCode(t, err, Unauthenticated)
	}

	h.pass(time.Hour)
	_, err := h.Bearer(ctx, scoped)
	wantCode(t, err, Unauthenticated)

	viewer, yes, no := Viewer, true, false
	if _, err := h.ChangeUser(ctx, UserChange{Name: "vera", Role: &viewer}, by); err != nil {
		t.Fatal(err)
	}
	if id, err := h.Bearer(ctx, plain); err != nil || id.Role != Viewer {
		t.Errorf("of a user who was demoted: %+v, %v", id, err)
	}
	if _, err := h.ChangeUser(ctx, UserChange{Name: "vera", Disabled: &yes}, by); err != nil {
		t.Fatal(err)
	}
	_, err = h.Bearer(ctx, plain)
	wantCode(t, err, Unauthenticated)
	if _, err := h.ChangeUser(ctx, UserChange{Name: "vera", Disabled: &no}, by); err != nil {
		t.Fatal(err)
	}
	list := h.Tokens("vera")
	if err := h.RevokeToken(ctx, list[len(list)-1].ID, by); err != nil {
		t.Fatal(err)
	}
	wantCode(t, h.RevokeToken(ctx, list[len(list)-1].ID, by), NotFound)
	if n := len(h.Tokens("")); n != 2 {
		t.Errorf("%d tokens", n)
	}
	if err := h.RemoveUser(ctx, "vera", 0, by); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if list := h.Tokens(""); len(list) != 0 {
		t.Errorf("the tokens of a user who is gone: %+v", list)
	}
}

// A token is never worth more than who made it.
func TestTokensThatCannotBe(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Operator, "a.A")
	soon, late, past := h.clock().Add(time.Hour), h.clock().Add(2*time.Hour), h.clock().Add(-time.Second)
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	vera := Identity{Name: "vera", Role: Operator, Owns: []string{"a.A"}, Via: ViaPassword}
	narrow := Identity{Name: "vera", Role: Viewer, Extensions: []string{"a.A", "b.B"}, Via: ViaToken, Expires: &soon}
	for what, c := range map[string]struct {
		maker Identity
		n     NewToken
		want  Code
	}{
		"all is well":                    {vera, NewToken{Label: "x", Role: Operator, Owner: true}, ""},
		"no label":                       {vera, NewToken{Role: Viewer}, Invalid},
		"a hostile label":                {vera, NewToken{Label: "a\nb", Role: Viewer}, Invalid},
		"a long label":                   {vera, NewToken{Label: strings.Repeat("x", 81), Role: Viewer}, Invalid},
		"no role":                        {vera, NewToken{Label: "x"}, Invalid},
		"a higher role":                  {vera, NewToken{Label: "x", Role: Administrator}, PermissionDenied},
		"of somebody else":               {vera, NewToken{Label: "x", User: "admin", Role: Viewer}, PermissionDenied},
		"of nobody":                      {root, NewToken{Label: "x", User: "nobody", Role: Viewer}, NotFound},
		"higher than the user":           {root, NewToken{Label: "x", User: "vera", Role: Administrator}, Invalid},
		"no extension":                   {vera, NewToken{Label: "x", Role: Viewer, Extensions: []string{}}, Invalid},
		"has expired":                    {vera, NewToken{Label: "x", Role: Viewer, Expires: &past}, Invalid},
		"never expires":                  {vera, NewToken{Label: "x", Role: Viewer, Expires: &far}, Invalid},
		"from a token: fewer extensions": {narrow, NewToken{Label: "x", Role: Viewer, Extensions: []string{"b.B"}, Expires: &soon}, ""},
		"from a token: other extensions": {narrow, NewToken{Label: "x", Role: Viewer, Extensions: []string{"b.B", "c.C"}, Expires: &soon}, PermissionDenied},
		"from a token: all extensions":   {narrow, NewToken{Label: "x", Role: Viewer, Expires: &soon}, PermissionDenied},
		"from a token: a later end":      {narrow, NewToken{Label: "x", Role: Viewer, Extensions: []string{"b.B"}, Expires: &late}, PermissionDenied},
		"from a token: no end":           {narrow, NewToken{Label: "x", Role: Viewer, Extensions: []string{"b.B"}}, PermissionDenied},
		"from a token: what it owns":     {narrow, NewToken{Label: "x", Role: Viewer, Owner: true, Extensions: []string{"b.B"}, Expires: &soon}, PermissionDenied},
	} {
		t.Run(what, func(t *testing.T) {
			_, _, err := h.AddToken(t.Context(), c.n, c.maker, "")
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, c.want)
		})
	}
}

// That something is in use costs the disk one write a minute, however often it is used.
func TestLastUseIsWrittenNowAndThen(t *testing.T) {
	h := newHouse(t)
	h.add("vera", Viewer)
	secret := h.token(NewToken{User: "vera", Role: Viewer})
	written := func() string {
		rows, err := h.state.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s", rows)
	}
	before := written()
	for range 100 {
		h.pass(time.Second / 2)
		if _, err := h.Bearer(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	if written() != before {
		t.Error("it was written in between")
	}
	h.flush()
	if written() == before {
		t.Error("it was not written")
	}
	before = written()
	h.flush()
	if written() != before {
		t.Error("it was written without being used")
	}
	h.restart()
	if list := h.Tokens("vera"); len(list) != 1 || list[0].LastUsed == nil || !list[0].LastUsed.Equal(h.clock()) {
		t.Errorf("%+v", list)
	}
}
