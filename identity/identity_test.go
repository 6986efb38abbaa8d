package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"anthill/fault"
	"anthill/identity"
	"anthill/internal/disk"
	"anthill/store"
)

const acct = "111122223333"

// house is a service on a memory disk, at a time that the test chooses.
type house struct {
	*identity.Service
	t   *testing.T
	fs  disk.FS
	db  *disk.DB
	now time.Time
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, fs: disk.NewMemory(), now: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}
	h.open()
	t.Cleanup(func() { h.db.Close() })
	return h
}

func (h *house) open() {
	h.t.Helper()
	var err error
	if h.db, err = disk.Open("db", disk.Options{FS: h.fs}); err != nil {
		h.t.Fatal(err)
	}
	h.Service, err = identity.Open(context.Background(), identity.Config{Store: store.Open(h.db), Now: func() time.Time { return h.now }})
	if err != nil {
		h.t.Fatal(err)
	}
}

// restart closes the database and opens everything anew.
func (h *house) restart() {
	h.t.Helper()
	if err := h.db.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.open()
}

func want(t *testing.T, err error, k fault.Kind, detail string) {
	t.Helper()
	if f := fault.Of(err); err == nil || f.Kind != k || !strings.Contains(f.Detail, detail) {
		t.Errorf("got %v, want %v with %q", err, k, detail)
	}
}

const trust = `{"Version":"2012-10-17","Statement":[]}`

func TestEveryAccountHasItsLabRoleUntilItIsDeleted(t *testing.T) {
	h := newHouse(t)
	for _, a := range []string{acct, "000000000000"} {
		p, err := h.Get(a, identity.Role, "LabRole")
		if err != nil || p.ARN() != "arn:aws:iam::"+a+":role/LabRole" {
			t.Fatalf("%v %v", p.ARN(), err)
		}
	}
	want(t, h.Delete(acct, identity.Role, "LabRole", false), fault.Conflict, "must detach all policies first.")
	if err := h.Detach(acct, identity.Role, "LabRole", "arn:aws:iam::aws:policy/AdministratorAccess"); err != nil {
		t.Fatal(err)
	}
	if err := h.Delete(acct, identity.Role, "LabRole", false); err != nil {
		t.Fatal(err)
	}
	h.restart()
	_, err := h.Get(acct, identity.Role, "LabRole")
	want(t, err, fault.NotFound, "The role with name LabRole cannot be found.")
}

func TestWhatWasAnsweredSurvivesARestart(t *testing.T) {
	h := newHouse(t)
	p, err := h.Create(identity.Principal{Kind: identity.Role, Account: acct, Name: "R", Path: "/a/", Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := h.CreatePolicy(identity.Policy{Account: acct, Name: "P"}, trust)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Attach(acct, identity.Role, "R", policy.ARN()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Create(identity.Principal{Kind: identity.User, Account: acct, Name: "U"}); err != nil {
		t.Fatal(err)
	}
	key, err := h.CreateKey(acct, "U")
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := h.Assume(p.ARN(), identity.Session{Name: "s", Duration: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	h.restart()
	got, err := h.Get(acct, identity.Role, "r") // names differ by more than case
	if err != nil || got.ID != p.ID || len(got.Attached) != 1 || got.ARN() != "arn:aws:iam::"+acct+":role/a/R" {
		t.Errorf("%+v %v", got, err)
	}
	if k, ok := h.Key(key.ID); !ok || k.Secret != key.Secret || h.AccountOf(key.ID) != acct {
		t.Errorf("the user's key: %+v", k)
	}
	if name, _ := h.Caller(acct, session.ID); name != "arn:aws:sts::"+acct+":assumed-role/R/s" {
		t.Errorf("the session is %s", name)
	}
	h.now = h.now.Add(time.Hour)
	h.restart()
	if _, ok := h.Key(session.ID); ok {
		t.Error("a session that is over was kept")
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t)
	role := identity.Principal{Kind: identity.Role, Account: acct, Name: "R", Trust: trust}
	if _, err := h.Create(role); err != nil {
		t.Fatal(err)
	}
	_, err := h.Create(role)
	want(t, err, fault.Exists, "Role with name R already exists.")
	_, err = h.Create(identity.Principal{Kind: identity.Role, Account: acct, Name: "bad", Trust: "{"})
	want(t, err, fault.Invalid, "This policy contains invalid Json")
	_, err = h.Create(identity.Principal{Kind: identity.Role, Account: acct, Name: "bad", Trust: "[]"})
	want(t, err, fault.Invalid, "Syntax errors in policy.")
	want(t, h.Attach(acct, identity.Role, "R", "no-arn"), fault.Invalid, "Could not be parsed!")
	want(t, h.Attach(acct, identity.Role, "R", "arn:aws:iam::"+acct+":policy/none"), fault.NotFound, "does not exist or is not attachable.")
	want(t, h.Attach(acct, identity.User, "nobody", "arn:aws:iam::aws:policy/ReadOnlyAccess"), fault.NotFound, "The user with name nobody")
	_, _, err = h.Assume("arn:aws:iam::"+acct+":role/None", identity.Session{Name: "s"})
	want(t, err, fault.Denied, "not authorized to perform: sts:AssumeRole")
	_, _, err = h.Assume("nothing", identity.Session{Name: "s"})
	want(t, err, fault.Invalid, "nothing is invalid")
	_, _, err = h.Assume("arn:aws:iam::"+acct+":role/R", identity.Session{Name: "s", Duration: 2 * time.Hour})
	want(t, err, fault.Invalid, "exceeds the MaxSessionDuration")
	_, err = h.CreateLinked(acct, "batch.amazonaws.com", "x", "")
	want(t, err, fault.Invalid, "Custom suffix is not allowed for batch.amazonaws.com")
	_, err = h.CreateLinked(acct, "unheard-of.amazonaws.com", "", "")
	want(t, err, fault.Invalid, "no service-linked role")
}

func TestAPolicyKeepsFiveVersions(t *testing.T) {
	h := newHouse(t)
	p, err := h.CreatePolicy(identity.Policy{Account: acct, Name: "P"}, trust)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := h.AddVersion(p.ARN(), trust, true); err != nil {
			t.Fatal(err)
		}
	}
	_, err = h.AddVersion(p.ARN(), trust, true)
	want(t, err, fault.Full, "up to 5 versions")
	want(t, h.DeletePolicy(p.ARN()), fault.Conflict, "more than one version")
	got, _ := h.GetPolicy(p.ARN())
	if got.Default != 5 || len(got.Versions) != 5 {
		t.Errorf("%+v", got)
	}
}

func TestTransitiveTagsAreKept(t *testing.T) {
	h := newHouse(t)
	if _, err := h.Create(identity.Principal{Kind: identity.Role, Account: acct, Name: "R", Trust: trust}); err != nil {
		t.Fatal(err)
	}
	role := "arn:aws:iam::" + acct + ":role/R"
	first, _, err := h.Assume(role, identity.Session{Name: "one", Tags: []identity.Tag{{Key: "Team", Value: "a"}}, Keep: []string{"Team"}})
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := h.Assume(role, identity.Session{Name: "two", Caller: first.ID})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = h.Assume(role, identity.Session{Name: "three", Caller: second.ID, Tags: []identity.Tag{{Key: "team", Value: "b"}}})
	want(t, err, fault.Invalid, "conflicts with a transitive tag key")
	_, _, err = h.Assume(role, identity.Session{Name: "four", Keep: []string{"Other"}})
	want(t, err, fault.Invalid, "must be included in the requested tags")
}

// What a caller got is his own.
func TestValuesAreCopies(t *testing.T) {
	h := newHouse(t)
	p, err := h.Create(identity.Principal{Kind: identity.User, Account: acct, Name: "U", Tags: []identity.Tag{{Key: "a", Value: "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	p.Tags[0].Value = "2"
	got, _ := h.Get(acct, identity.User, "U")
	got.Tags[0].Value = "3"
	if again, _ := h.Get(acct, identity.User, "U"); again.Tags[0].Value != "1" {
		t.Errorf("the tag became %s", again.Tags[0].Value)
	}
}
