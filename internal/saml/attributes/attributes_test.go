package attributes_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/saml"
	"github.com/watchword-io/watchword/internal/saml/attributes"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

const emailFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

func mapper(t testing.TB, c attributes.Config) *attributes.Mapper {
	t.Helper()
	if c.GroupPrefix == "" {
		c.GroupPrefix = "acme:"
	}
	m, err := attributes.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// said is an assertion with an address and these attributes.
func said(more ...saml.Attribute) *saml.Assertion {
	return &saml.Assertion{Attributes: append([]saml.Attribute{is("email", "alice@example.com")}, more...)}
}

func is(name string, values ...string) saml.Attribute {
	return saml.Attribute{Name: name, Values: values}
}

func reasonsOf(problems []attributes.Problem) []refusal.Reason {
	var reasons []refusal.Reason
	for _, p := range problems {
		reasons = append(reasons, p.Reason)
	}
	return reasons
}

func TestPerson(t *testing.T) {
	groups := is("GROUPS", "developers")
	alice := attributes.Person{Email: "alice@example.com", Groups: []string{"acme:developers"}}
	with := func(change func(*attributes.Person)) attributes.Person {
		p := alice
		change(&p)
		return p
	}
	posix := func(uid, gid int64, more ...int64) attributes.Person {
		return with(func(p *attributes.Person) { p.POSIX = &attributes.POSIX{UID: uid, GID: gid, SupplementaryGroups: more} })
	}
	tests := map[string]struct {
		config    attributes.Config
		assertion *saml.Assertion
		want      attributes.Person
		problems  []refusal.Reason
	}{
		"everything": {
			assertion: said(groups, is("username", "Alice.K"), is("givenName", "Alice"), is("familyName", "Käse"), is("UID", "20001"), is("GID", "30001"),
				is("SUPPLEMENTARYGROUPS", "30002", "30003", "30002")),
			want: attributes.Person{
				Email: "alice@example.com", Username: "alice.k", GivenName: "Alice", FamilyName: "Käse", Groups: alice.Groups,
				POSIX: &attributes.POSIX{UID: 20001, GID: 30001, SupplementaryGroups: []int64{30002, 30003}},
			},
		},
		"names of their own": {
			config: attributes.Config{Names: attributes.Names{Email: "mail", Groups: "urn:groups"}},
			assertion: &saml.Assertion{Attributes: []saml.Attribute{
				{Name: "urn:oid:0.9.2342.19200300.100.1.3", FriendlyName: "mail", Values: []string{"alice@example.com"}}, is("urn:groups", "developers"),
			}},
			want: alice,
		},
		"address in one spelling":       {assertion: &saml.Assertion{Attributes: []saml.Attribute{is("email", "Alice@Example.COM"), groups}}, want: alice},
		"address from the name":         {assertion: &saml.Assertion{NameID: saml.NameID{Value: "alice@example.com", Format: emailFormat}, Attributes: []saml.Attribute{groups}}, want: alice},
		"allowed domain":                {config: attributes.Config{EmailDomains: []string{"Example.com"}}, assertion: said(groups), want: alice},
		"ambiguous friendly name":       {assertion: said(groups, saml.Attribute{Name: "a", FriendlyName: "givenName"}, saml.Attribute{Name: "b", FriendlyName: "givenName"}), want: alice, problems: []refusal.Reason{refusal.AttributeTwice}},
		"given name that turns around":  {assertion: said(groups, is("givenName", "\u202eecila")), want: alice, problems: []refusal.Reason{refusal.NameInvalid}},
		"long family name":              {assertion: said(groups, is("familyName", strings.Repeat("é", 129))), want: alice, problems: []refusal.Reason{refusal.NameInvalid}},
		"no groups":                     {assertion: said(), want: attributes.Person{Email: "alice@example.com"}, problems: []refusal.Reason{refusal.GroupsMissing}},
		"no values":                     {assertion: said(is("GROUPS")), want: attributes.Person{Email: "alice@example.com"}},
		"Entra ID's link":               {assertion: said(is("http://schemas.microsoft.com/claims/groups.link", "https://x")), want: attributes.Person{Email: "alice@example.com"}, problems: []refusal.Reason{refusal.GroupsElsewhere}},
		"hostile groups":                {assertion: said(is("GROUPS", "system:masters", "System:Authenticated", "ｓystem:masters", "", "developers", "a\x1bb", "\u202esrepoleved", strings.Repeat("g", 124))), want: alice, problems: []refusal.Reason{refusal.GroupReserved, refusal.GroupReserved, refusal.GroupReserved, refusal.GroupEmpty, refusal.GroupMalformed, refusal.GroupMalformed, refusal.GroupMalformed}},
		"a list is one group":           {assertion: said(is("GROUPS", "developers,admins")), want: with(func(p *attributes.Person) { p.Groups = []string{"acme:developers,admins"} })},
		"prefix that would be reserved": {config: attributes.Config{GroupPrefix: "sys"}, assertion: said(is("GROUPS", "tem:masters")), want: attributes.Person{Email: "alice@example.com"}, problems: []refusal.Reason{refusal.GroupReserved}},
		"twice, in two spellings":       {assertion: said(is("GROUPS", "de\u0301v", "d\u00e9v")), want: with(func(p *attributes.Person) { p.Groups = []string{"acme:d\u00e9v"} })},
		"filter":                        {config: attributes.Config{GroupFilter: "dev.*|ops"}, assertion: said(is("GROUPS", "developers", "xops", "opsx", "system:x")), want: alice},
		"filter of alternatives":        {config: attributes.Config{GroupFilter: "a|developers"}, assertion: said(is("GROUPS", "ab", "xdevelopers", "developers")), want: alice},
		"smallest and largest":          {assertion: said(groups, is("UID", "1000"), is("GID", "4294967293")), want: posix(1000, 4294967293)},
		"root":                          {assertion: said(groups, is("UID", "0"), is("GID", "30001")), want: alice, problems: []refusal.Reason{refusal.NumberOutOfRange}},
		"a system account":              {assertion: said(groups, is("UID", "999"), is("GID", "30001")), want: alice, problems: []refusal.Reason{refusal.NumberOutOfRange}},
		"nobody":                        {assertion: said(groups, is("UID", "4294967294"), is("GID", "4294967295")), want: alice, problems: []refusal.Reason{refusal.NumberOutOfRange, refusal.NumberOutOfRange}},
		"wraps around to root":          {assertion: said(groups, is("UID", "4294967296"), is("GID", "18446744073709551616")), want: alice, problems: []refusal.Reason{refusal.NumberOutOfRange, refusal.NumberMalformed}},
		"no decimal digits":             {assertion: said(groups, is("UID", "0x4e21"), is("GID", "020001")), want: alice, problems: []refusal.Reason{refusal.NumberMalformed, refusal.NumberMalformed}},
		"signs and fractions":           {assertion: said(groups, is("UID", "+20001"), is("GID", "30001.0")), want: alice, problems: []refusal.Reason{refusal.NumberMalformed, refusal.NumberMalformed}},
		"digits of another script":      {assertion: said(groups, is("UID", "٢٠٠٠١"), is("GID", "30001")), want: alice, problems: []refusal.Reason{refusal.NumberMalformed}},
		"uid without gid":               {assertion: said(groups, is("UID", "20001")), want: alice, problems: []refusal.Reason{refusal.NumberMissing}},
		"gid without uid":               {assertion: said(groups, is("GID", "30001")), want: alice, problems: []refusal.Reason{refusal.NumberMissing}},
		"two uids":                      {assertion: said(groups, is("UID", "20001", "20002"), is("GID", "30001")), want: alice, problems: []refusal.Reason{refusal.NumberSeveral}},
		"hostile supplementary groups":  {assertion: said(groups, is("UID", "20001"), is("GID", "30001"), is("SUPPLEMENTARYGROUPS", "0", "-1", "4294967296", "abc", "030002", "", "30002")), want: posix(20001, 30001, 30002), problems: []refusal.Reason{refusal.NumberOutOfRange, refusal.NumberOutOfRange, refusal.NumberOutOfRange, refusal.NumberMalformed, refusal.NumberMalformed, refusal.NumberMalformed}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, problems, err := mapper(t, test.config).Person(test.assertion)
			if err != nil {
				t.Fatalf("Person: %v", err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Person differs (-want +got):\n%s", diff)
			}
			if got := reasonsOf(problems); !slices.Equal(got, test.problems) {
				t.Errorf("the problems are %v, want %v", problems, test.problems)
			}
		})
	}
}

func TestRefusedPeople(t *testing.T) {
	email := func(values ...string) *saml.Assertion {
		return &saml.Assertion{Attributes: []saml.Attribute{is("email", values...)}}
	}
	tests := map[string]struct {
		assertion *saml.Assertion
		want      refusal.Reason
	}{
		"no address":                      {&saml.Assertion{}, refusal.EmailMissing},
		"a name that is no address":       {&saml.Assertion{NameID: saml.NameID{Value: "alice@example.com"}}, refusal.EmailMissing},
		"empty address":                   {email(""), refusal.EmailMissing},
		"two addresses":                   {email("alice@example.com", "admin@example.com"), refusal.EmailSeveral},
		"no address at all":               {email("alice"), refusal.EmailMalformed},
		"two at signs":                    {email("alice@example.com@evil.example.com"), refusal.EmailMalformed},
		"no domain":                       {email("alice@"), refusal.EmailMalformed},
		"no person":                       {email("@example.com"), refusal.EmailMalformed},
		"a list":                          {email("alice@example.com,admin@example.com"), refusal.EmailMalformed},
		"a line break":                    {email("alice@example.com\nadmin"), refusal.EmailMalformed},
		"characters that do not show":     {email("alice\u200b@example.com"), refusal.EmailMalformed},
		"full-width letters":              {email("ａlice@example.com"), refusal.EmailMalformed},
		"the Kelvin sign":                 {email("ali\u212ae@example.com"), refusal.EmailMalformed},
		"a space that XML does not know":  {email("alice@example.com\u00a0"), refusal.EmailMalformed},
		"full-width user name":            {said(is("username", "ａlice")), refusal.UsernameInvalid},
		"long":                            {email(strings.Repeat("a", 250) + "@example.com"), refusal.EmailMalformed},
		"another domain":                  {email("alice@evil.com"), refusal.EmailDomain},
		"a subdomain":                     {email("alice@sub.example.com"), refusal.EmailDomain},
		"a domain that ends so":           {email("alice@evilexample.com"), refusal.EmailDomain},
		"a domain that begins so":         {email("alice@example.com.evil.com"), refusal.EmailDomain},
		"an address that is no user name": {email("o'brien@example.com"), refusal.UsernameInvalid},
		"two user names":                  {said(is("username", "alice", "admin")), refusal.UsernameSeveral},
		"user name of Kubernetes":         {said(is("username", "system:admin")), refusal.UsernameInvalid},
		"user name of an application":     {said(is("username", "application:ci")), refusal.UsernameInvalid},
		"full-width colon":                {said(is("username", "system：admin")), refusal.UsernameInvalid},
		"user name with a space":          {said(is("username", "alice k")), refusal.UsernameInvalid},
		"long user name":                  {said(is("username", strings.Repeat("a", 254))), refusal.UsernameInvalid},
	}
	m := mapper(t, attributes.Config{EmailDomains: []string{"example.com"}})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			person, _, err := m.Person(test.assertion)
			if got := refusal.Of(err); got != test.want || person.Email != "" {
				t.Errorf("Person says %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

func TestThousandGroups(t *testing.T) {
	values := make([]string, 1000)
	for i := range values {
		values[i] = fmt.Sprintf("group-%d", i)
	}
	person, problems, err := mapper(t, attributes.Config{}).Person(said(is("GROUPS", values...)))
	if err != nil || len(problems) > 0 || len(person.Groups) != 1000 {
		t.Errorf("%d groups, %v, %v; want all 1,000", len(person.Groups), problems, err)
	}
}

func TestManySupplementaryGroups(t *testing.T) {
	values := make([]string, 70)
	for i := range values {
		values[i] = fmt.Sprint(2000 + i)
	}
	person, problems, err := mapper(t, attributes.Config{}).Person(said(is("GROUPS"), is("UID", "20001"), is("GID", "30001"), is("SUPPLEMENTARYGROUPS", values...)))
	if err != nil || len(person.POSIX.SupplementaryGroups) != 64 || !slices.Equal(reasonsOf(problems), []refusal.Reason{refusal.NumbersTooMany}) {
		t.Errorf("%v, %v, %v; want 64 numbers and a problem", person.POSIX, problems, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, config := range map[string]attributes.Config{
		"no prefix":       {},
		"reserved prefix": {GroupPrefix: "System:"},
		"long prefix":     {GroupPrefix: strings.Repeat("a", 64)},
		"hidden prefix":   {GroupPrefix: "acme\u200b:"},
		"no expression":   {GroupPrefix: "acme:", GroupFilter: "("},
	} {
		if _, err := attributes.New(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzGroups names groups and numbers as a hostile directory would.
func FuzzGroups(f *testing.F) {
	for _, seed := range []string{"developers", "system:masters", "ｓｙｓｔｅｍ:masters", "\u202esrepoleved", "sys\u00adtem:x", "20001", "-1", "4294967296", "030002"} {
		f.Add(seed)
	}
	m := mapper(f, attributes.Config{GroupPrefix: "s"})
	f.Fuzz(func(t *testing.T, value string) {
		person, _, err := m.Person(said(is("GROUPS", value), is("UID", value), is("GID", value), is("givenName", value)))
		if err != nil {
			t.Fatalf("Person: %v", err)
		}
		for _, group := range person.Groups {
			if identity.Reserved(group) || !strings.HasPrefix(group, "s") || strings.IndexFunc(group, unicode.IsControl) >= 0 {
				t.Errorf("%q became group %q", value, group)
			}
		}
		if person.POSIX != nil && (person.POSIX.UID < 1000 || fmt.Sprint(person.POSIX.UID) != value) {
			t.Errorf("%q became uid %d", value, person.POSIX.UID)
		}
	})
}
