package claims

import (
	"slices"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// offlineAccess is what clients ask for that expect a refresh token by it (OIDC Core section 11). Here the grant refresh_token decides, so
// the scope says nothing, and is no reason to refuse somebody.
const offlineAccess = "offline_access"

// Scopes returns what a client gets of the scopes that it asks for, in their order. Asking for none is asking for all that its
// ClientApplication lists (RFC 6749 section 3.3). A malformed scope, and one that is not listed, is an invalid_scope. Scopes that are not
// offered, because they mean nothing to the grant, are left out, and the answer has to say what was granted (section 5.1); so is
// offlineAccess where it is not listed.
func Scopes(client *directory.Client, asked string, offered func(scope string) bool) ([]string, error) {
	words, err := oauth2.ParseScope(asked)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		words = client.Scopes
	}
	granted := make([]string, 0, len(words))
	for _, scope := range words {
		if !slices.Contains(client.Scopes, scope) {
			if scope == offlineAccess {
				continue
			}
			return nil, oauth2.BadScope("scope_not_allowed", "the client may not ask for that scope")
		}
		if offered(scope) {
			granted = append(granted, scope)
		}
	}
	return granted, nil
}

// OfPerson is the offered of grants that are about a person: all scopes mean something to them.
func OfPerson(string) bool { return true }

// OfApplication is the offered of grants in which a client asks for itself: it leaves out what describes a person.
func OfApplication(scope string) bool {
	switch scope {
	case "openid", "profile", "email", "groups", "posix":
		return false
	}
	return true
}

// Still returns those of the scopes granted earlier that the client may have now.
func Still(client *directory.Client, granted []string) []string {
	return slices.DeleteFunc(slices.Clone(granted), func(scope string) bool { return !slices.Contains(client.Scopes, scope) })
}

// Narrower returns what a client gets of the scopes granted earlier if it asks for less of them (RFC 6749 section 6). Asking for none is
// asking for all that it may still have. A scope that was not granted is an invalid_scope, also if the client could have had it.
func Narrower(client *directory.Client, asked string, granted []string) ([]string, error) {
	words, err := oauth2.ParseScope(asked)
	if err != nil {
		return nil, err
	}
	words = slices.DeleteFunc(words, func(scope string) bool { return scope == offlineAccess && !slices.Contains(granted, scope) })
	for _, scope := range words {
		if !slices.Contains(granted, scope) {
			return nil, oauth2.BadScope("scope_widened", "that scope was not granted before")
		}
	}
	if len(words) == 0 {
		words = granted
	}
	return Still(client, words), nil
}
