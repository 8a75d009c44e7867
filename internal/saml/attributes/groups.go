package attributes

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// maxGroup bounds the name of a group with its prefix, in bytes.
const maxGroup = 128

// groupsLink is what Entra ID sends instead of the groups of somebody who is in more than 150.
const groupsLink = "http://schemas.microsoft.com/claims/groups.link"

// groups reads the groups that the filter lets through. A value is one group, whatever it contains: splitting at commas would let who names
// a group put people into others.
func (r *reading) groups() []string {
	attribute := r.names.Groups
	values, there := r.find(attribute)
	if !there {
		r.missingGroups(attribute)
		return nil
	}
	var groups []string
	seen := map[string]bool{}
	for _, value := range values {
		name := norm.NFC.String(value)
		group := r.prefix + name
		switch {
		case name == "":
			r.problem(refusal.GroupEmpty, attribute, "a group without a name is left out")
		case r.filter != nil && !r.filter.MatchString(name), seen[group]:
			// The filter is the administrator's wish, and twice is once: neither is a problem.
		case identity.Reserved(name), identity.Reserved(group):
			r.problem(refusal.GroupReserved, attribute, "group %q is left out: names beginning with system: are reserved for Kubernetes", name)
		case len(group) > maxGroup, strings.IndexFunc(name, hidden) >= 0:
			r.problem(refusal.GroupMalformed, attribute,
				"group %q is left out: with its prefix it is longer than %d bytes, or it has characters that do not show", name, maxGroup)
		default:
			seen[group] = true
			groups = append(groups, group)
		}
	}
	return groups
}

// missingGroups tells the usual reasons apart.
func (r *reading) missingGroups(attribute string) {
	if _, linked := r.find(groupsLink); linked {
		r.problem(refusal.GroupsElsewhere, attribute,
			"Entra ID sends a link instead of more than 150 groups; choose \"Groups assigned to the application\" in its group claim")
		return
	}
	var sent []string
	for _, other := range r.from.Attributes {
		sent = append(sent, other.Name)
	}
	r.problem(refusal.GroupsMissing, attribute, "the assertion has no attribute %q, only %q; have the provider send it, or map another", attribute, sent)
}
