package directory

import (
	"math"
	"strings"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/validate"
)

// User is a person of a realm, immutable. A hundred thousand of them are kept, so the texts share one allocation, groups are
// interned, and nothing is stored that can be derived.
type User struct {
	text     string // the parts below, joined
	ends     [userParts]uint16
	disabled bool
	// refused by validate: not served, but keeps its names from younger Users, as in the controllers.
	refused bool
	created int64 // Unix seconds
	// changed is when the password last changed, as the controllers report it: Unix seconds, 0 for never.
	changed int64
	groups  []unique.Handle[string]
	posix   *v1alpha1.POSIXAccount
}

// The parts of a User's text.
const (
	userName     = iota
	userUID      //
	userEmail    //
	userUsername // empty: the e-mail address
	userSubject  // empty: the UID
	userGiven
	userFamily
	userParts
)

func convertUser(u *v1alpha1.User) *User {
	username := identity.Username(u)
	if username == u.Spec.Email {
		username = ""
	}
	record := &User{
		// A User that is being deleted is as good as gone.
		disabled: u.Spec.Disabled || u.DeletionTimestamp != nil,
		refused:  validate.User(u) != nil,
		created:  u.CreationTimestamp.Unix(),
	}
	if at := u.Status.PasswordChangedAt; at != nil {
		record.changed = at.Unix()
	}
	parts := [userParts]string{
		userName: u.Name, userUID: string(u.UID), userEmail: u.Spec.Email, userUsername: username,
		userSubject: u.Spec.Subject, userGiven: u.Spec.GivenName, userFamily: u.Spec.FamilyName,
	}
	var text strings.Builder
	for i, part := range parts {
		text.WriteString(part)
		if text.Len() > math.MaxUint16 { // the schema bounds the sum far below
			return nil
		}
		record.ends[i] = uint16(text.Len()) //nolint:gosec // just compared
	}
	record.text = strings.Clone(text.String()) // a Builder's spare room would be kept
	if len(u.Spec.Groups) > 0 {
		record.groups = make([]unique.Handle[string], len(u.Spec.Groups))
		for i, group := range u.Spec.Groups {
			record.groups[i] = unique.Make(group)
		}
	}
	if u.Spec.POSIX != nil {
		record.posix = u.Spec.POSIX.DeepCopy()
	}
	return record
}

func (u *User) part(i int) string {
	start := uint16(0)
	if i > 0 {
		start = u.ends[i-1]
	}
	return u.text[start:u.ends[i]]
}

// Name of the User object.
func (u *User) Name() string { return u.part(userName) }

// UID of the User object.
func (u *User) UID() types.UID { return types.UID(u.part(userUID)) }

// Email address.
func (u *User) Email() string { return u.part(userEmail) }

// GivenName may be empty.
func (u *User) GivenName() string { return u.part(userGiven) }

// FamilyName may be empty.
func (u *User) FamilyName() string { return u.part(userFamily) }

// PasswordChanged is when the password last changed, as the controllers report it, in Unix seconds; 0 for never.
func (u *User) PasswordChanged() int64 { return u.changed }

// Disabled reports whether no token may be issued for the person: switched off, or being deleted.
func (u *User) Disabled() bool { return u.disabled }

// POSIX account, nil for none. It must not be changed.
func (u *User) POSIX() *v1alpha1.POSIXAccount { return u.posix }

// Username is identity.Username of the object.
func (u *User) Username() string {
	if name := u.part(userUsername); name != "" {
		return name
	}
	return u.Email()
}

// Subject is identity.Subject of the object.
func (u *User) Subject() string {
	if subject := u.part(userSubject); subject != "" {
		return subject
	}
	return u.part(userUID)
}

// Groups in the order of the spec.
func (u *User) Groups() []string {
	groups := make([]string, len(u.groups))
	for i, g := range u.groups {
		groups[i] = g.Value()
	}
	return groups
}

func (u *User) isRefused() bool { return u.refused }

func (u *User) age() *metav1.ObjectMeta {
	return &metav1.ObjectMeta{UID: u.UID(), CreationTimestamp: metav1.NewTime(time.Unix(u.created, 0))}
}

// userTable finds Users by object name, by user name or e-mail address, and by subject.
type userTable struct {
	byName   map[string]*User
	logins   claims[*User]
	subjects claims[*User]
}

func newUserTable() *userTable {
	return &userTable{byName: map[string]*User{}, logins: newClaims[*User](0), subjects: newClaims[*User](0)}
}

func (t *userTable) len() int { return len(t.byName) }

func (t *userTable) put(name string, record any) {
	t.remove(name)
	u := record.(*User)
	t.byName[u.Name()] = u
	t.subjects.add(u.Subject(), u)
	t.logins.add(u.Email(), u)
	if u.Username() != u.Email() {
		t.logins.add(u.Username(), u)
	}
}

func (t *userTable) remove(name string) {
	u, ok := t.byName[name]
	if !ok {
		return
	}
	delete(t.byName, name)
	t.subjects.drop(u.Subject(), u)
	t.logins.drop(u.Email(), u)
	t.logins.drop(u.Username(), u)
}

func (t *userTable) replace(entries []*entry) {
	t.byName = make(map[string]*User, len(entries))
	t.logins, t.subjects = newClaims[*User](len(entries)), newClaims[*User](len(entries))
	for _, e := range entries {
		t.put(e.meta.Name, e.record)
	}
}

// find returns the person who signs in with a canonical name. A User that shares its name or address with an older one is refused
// as a whole, whichever of the two was typed, and clash is true.
func (t *userTable) find(login string) (u *User, clash bool) {
	u, ok := t.logins.oldest(login)
	if !ok || u.refused {
		return nil, false
	}
	for _, name := range []string{u.Email(), u.Username()} {
		if holder, _ := t.logins.oldest(name); holder != u {
			return nil, true
		}
	}
	return u, false
}

// admitted returns u if she may have tokens, else nil.
func (t *userTable) admitted(u *User) *User {
	if u.refused || u.disabled {
		return nil
	}
	if found, clash := t.find(u.Email()); clash || found != u {
		return nil
	}
	return u
}
