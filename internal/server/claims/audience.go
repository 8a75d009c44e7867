package claims

import (
	"slices"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// Audience is the aud of the access token that a request asks for (RFC 8707 section 2): what it names if the client lists it, else the
// first that the client lists, else the realm itself. Anything else is an invalid_target. A token has one audience, so that no resource
// server can use it at another.
func Audience(realm *directory.Realm, client *directory.Client, form *oauth2.Form) (string, error) {
	asked, err := named(form)
	switch {
	case err != nil:
		return "", err
	case asked == "" && len(client.Audiences) > 0:
		return client.Audiences[0], nil
	case asked == "":
		return realm.Issuer, nil
	case MayHave(realm, client, asked):
		return asked, nil
	}
	return "", invalidTarget("target_not_allowed", "the client may not ask for that resource or audience")
}

// SameAudience checks a request about a grant that has its audience already: it may name that one or none, and the client must still be
// allowed to have it. Anything else is an invalid_target.
func SameAudience(realm *directory.Realm, client *directory.Client, form *oauth2.Form, granted string) error {
	asked, err := named(form)
	switch {
	case err != nil:
		return err
	case asked != "" && asked != granted:
		return invalidTarget("target_not_granted", "that resource or audience was not granted before")
	case !MayHave(realm, client, granted):
		return invalidTarget("target_not_allowed", "the client may not ask for that resource or audience")
	}
	return nil
}

// MayHave reports whether a client may have access tokens for an audience: one that it lists, or the realm itself if it lists none.
func MayHave(realm *directory.Realm, client *directory.Client, audience string) bool {
	return slices.Contains(client.Audiences, audience) || audience == realm.Issuer && len(client.Audiences) == 0
}

// named is the one audience that a request names by either of the two parameters, empty for none.
func named(form *oauth2.Form) (string, error) {
	asked := form.Get("audience")
	for _, resource := range form.Resources() {
		if asked != "" && asked != resource {
			return "", invalidTarget("several_targets", "a token is for one audience; ask for one at a time")
		}
		asked = resource
	}
	return asked, nil
}

func invalidTarget(reason, description string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidTarget, Description: description, Reason: reason}
}
