// Package attributes makes a person of what an identity provider says about one.
//
// It owns which attribute becomes what, and what of a directory is believed: names in one spelling, groups behind the provider's prefix,
// account numbers that belong to nobody else. It leaves whether she may sign in, and what her groups may do, to others. Its invariant:
// whatever a directory contains, no group comes out without the prefix or reserved for Kubernetes, no number outside 1000 to 4294967293,
// and nothing is left out without a Problem that says what and why.
package attributes

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/saml"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Names are those of the attributes, each compared byte by byte with an attribute's Name, then with its FriendlyName. Empty: the default.
type Names struct {
	// Email is "email"; where it is missing, a NameID of the format emailAddress is the address.
	Email string
	// Username is "username". It may be missing: the address is the user name then.
	Username string
	// GivenName and FamilyName are "givenName" and "familyName".
	GivenName, FamilyName string
	// Groups, UID, GID and SupplementaryGroups are these words in capitals.
	Groups, UID, GID, SupplementaryGroups string
}

// withDefaults fills in what is empty.
func (n Names) withDefaults() Names {
	for name, otherwise := range map[*string]string{
		&n.Email: "email", &n.Username: "username", &n.GivenName: "givenName", &n.FamilyName: "familyName", &n.Groups: "GROUPS", &n.UID: "UID",
		&n.GID: "GID", &n.SupplementaryGroups: "SUPPLEMENTARYGROUPS",
	} {
		if *name == "" {
			*name = otherwise
		}
	}
	return n
}

// Config is what a SAMLProvider says about its people.
type Config struct {
	Names Names
	// GroupPrefix stands before every group. It is required: without one, whoever names groups in the directory could name those that
	// local people are in.
	GroupPrefix string
	// GroupFilter is a regular expression (RE2) that the whole name of a group must match, before the prefix. Empty: all.
	GroupFilter string
	// EmailDomains are the domains that an address may have, subdomains not included. None: all.
	EmailDomains []string
}

// Mapper applies a Config. It is immutable and safe for concurrent use.
type Mapper struct {
	names     Names
	prefix    string
	filter    *regexp.Regexp
	domains   map[string]bool
	usernames *regexp.Regexp
}

// maxPrefix bounds the prefix, in bytes.
const maxPrefix = 63

// New checks a Config. The error says what to change.
func New(c Config) (*Mapper, error) {
	switch {
	case c.GroupPrefix == "":
		return nil, errors.New("the group prefix is empty; set one such as the provider's name and a colon")
	case len(c.GroupPrefix) > maxPrefix || strings.IndexFunc(c.GroupPrefix, hidden) >= 0:
		return nil, fmt.Errorf("the group prefix %q is longer than %d bytes or has characters that do not show", c.GroupPrefix, maxPrefix)
	case identity.Reserved(c.GroupPrefix):
		return nil, fmt.Errorf("the group prefix %q begins with system:, which is reserved for Kubernetes", c.GroupPrefix)
	}
	m := &Mapper{names: c.Names.withDefaults(), prefix: c.GroupPrefix, domains: map[string]bool{}}
	m.usernames = regexp.MustCompile(usernamePattern)
	if c.GroupFilter != "" {
		filter, err := regexp.Compile(`\A(?:` + c.GroupFilter + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("the group filter is no regular expression: %w", err)
		}
		m.filter = filter
	}
	for _, domain := range c.EmailDomains {
		m.domains[canonical(domain)] = true
	}
	return m, nil
}

// Person is who an assertion is about, in the spelling and within the bounds of the User kind.
type Person struct {
	// Email is lower-case, and Username too; Username is empty where the address is the user name.
	Email, Username       string
	GivenName, FamilyName string
	// Groups are prefixed, each once, in the order of the assertion.
	Groups []string
	// POSIX is nil unless both uid and gid are there and valid.
	POSIX *POSIX
}

// POSIX are the numbers of an account, each 1000 to 4294967293.
type POSIX struct {
	UID, GID            int64
	SupplementaryGroups []int64
}

// Problem is something that was left out. The sign-in goes on without it.
type Problem struct {
	// Reason is for machines.
	Reason refusal.Reason
	// Attribute is the name that was looked for.
	Attribute string
	// Text says what was left out, why, and what to change. It quotes the directory.
	Text string
}

// reading is one assertion that is being read.
type reading struct {
	*Mapper
	from     *saml.Assertion
	problems []Problem
}

// Person reads an assertion. The error is a *refusal.Error: there is no usable e-mail address or user name, so that nobody can be signed in.
func (m *Mapper) Person(assertion *saml.Assertion) (Person, []Problem, error) {
	r := &reading{Mapper: m, from: assertion}
	var person Person
	var err error
	if person.Email, err = r.email(); err != nil {
		return Person{}, r.problems, err
	}
	if person.Username, err = r.username(person.Email); err != nil {
		return Person{}, r.problems, err
	}
	person.GivenName, person.FamilyName = r.name(m.names.GivenName), r.name(m.names.FamilyName)
	person.Groups = r.groups()
	person.POSIX = r.posix()
	return person, r.problems, nil
}

// find returns the attribute of a name: by Name, or else by a FriendlyName that only one attribute has.
func (r *reading) find(name string) (values []string, there bool) {
	var friendly []saml.Attribute
	for _, attribute := range r.from.Attributes {
		if attribute.Name == name {
			return attribute.Values, true
		}
		if attribute.FriendlyName == name {
			friendly = append(friendly, attribute)
		}
	}
	switch len(friendly) {
	case 0:
		return nil, false
	case 1:
		return friendly[0].Values, true
	}
	r.problem(refusal.AttributeTwice, name, "%d attributes have the friendly name %q; map the Name of one of them", len(friendly), name)
	return nil, false
}

func (r *reading) problem(reason refusal.Reason, attribute, format string, args ...any) {
	r.problems = append(r.problems, Problem{Reason: reason, Attribute: attribute, Text: fmt.Sprintf(format, args...)})
}

// hidden reports whether a character does not show, or changes how others do: controls, bidirectional overrides, line separators.
func hidden(c rune) bool {
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || c == unicode.ReplacementChar
}
