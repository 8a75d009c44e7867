package claims_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
)

const issuer = "https://id.example.com/realms/acme"

func client() *directory.Client {
	return &directory.Client{Scopes: []string{"openid", "groups", "deploy"}, Audiences: []string{"https://api.example.com", "kubernetes"}}
}

// reason is why something is refused, empty if it is not.
func reason(t *testing.T, err error, code string) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var refusal *oauth2.Error
	if !errors.As(err, &refusal) || refusal.Code != code && refusal.Code != oauth2.InvalidRequest {
		t.Fatalf("error %v; want an %s", err, code)
	}
	return refusal.Reason
}

func TestScopes(t *testing.T) {
	for name, tc := range map[string]struct {
		asked   string
		offered func(string) bool
		want    []string
		reason  string
	}{
		"none asked":                 {"", claims.OfPerson, []string{"openid", "groups", "deploy"}, ""},
		"none asked, application":    {"", claims.OfApplication, []string{"deploy"}, ""},
		"some, in their order":       {"deploy openid", claims.OfPerson, []string{"deploy", "openid"}, ""},
		"one twice":                  {"openid openid", claims.OfPerson, []string{"openid"}, ""},
		"nothing left":               {"openid", claims.OfApplication, []string{}, ""},
		"not listed":                 {"openid email", claims.OfPerson, nil, "scope_not_allowed"},
		"not listed and not offered": {"email", claims.OfApplication, nil, "scope_not_allowed"},
		"in capitals":                {"OpenID", claims.OfPerson, nil, "scope_not_allowed"},
		"offline_access":             {"openid offline_access", claims.OfPerson, []string{"openid"}, ""},
		"malformed":                  {"openid  groups", claims.OfPerson, nil, "scope_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client()
			got, err := claims.Scopes(c, tc.asked, tc.offered)
			if why := reason(t, err, oauth2.InvalidScope); why != tc.reason || !cmp.Equal(got, tc.want) {
				t.Errorf("Scopes(%q) = %v, %q; want %v, %q", tc.asked, got, why, tc.want, tc.reason)
			}
			if diff := cmp.Diff(client().Scopes, c.Scopes); diff != "" {
				t.Errorf("the client's own scopes were changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNarrower(t *testing.T) {
	granted := []string{"openid", "groups", "posix"} // posix was taken from the client since
	for name, tc := range map[string]struct {
		asked  string
		want   []string
		reason string
	}{
		"none asked":                 {"", []string{"openid", "groups"}, ""},
		"less":                       {"groups", []string{"groups"}, ""},
		"one that was taken":         {"openid posix", []string{"openid"}, ""},
		"one of the client, not had": {"openid deploy", nil, "scope_widened"},
		"one of nobody":              {"admin", nil, "scope_widened"},
		"offline_access beside it":   {"openid offline_access", []string{"openid"}, ""},
		"malformed":                  {" openid", nil, "scope_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := claims.Narrower(client(), tc.asked, granted)
			if why := reason(t, err, oauth2.InvalidScope); why != tc.reason || !cmp.Equal(got, tc.want) {
				t.Errorf("Narrower(%q) = %v, %q; want %v, %q", tc.asked, got, why, tc.want, tc.reason)
			}
			if diff := cmp.Diff([]string{"openid", "groups", "posix"}, granted); diff != "" {
				t.Errorf("what was granted was changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAudience(t *testing.T) {
	realm := &directory.Realm{Issuer: issuer}
	for name, tc := range map[string]struct {
		form      string
		audiences []string
		want      string
		reason    string
	}{
		"none asked":                         {"", client().Audiences, "https://api.example.com", ""},
		"none asked, none listed":            {"", nil, issuer, ""},
		"by resource":                        {"resource=kubernetes", client().Audiences, "kubernetes", ""},
		"by audience":                        {"audience=kubernetes", client().Audiences, "kubernetes", ""},
		"by both, the same":                  {"audience=kubernetes&resource=kubernetes&resource=kubernetes", client().Audiences, "kubernetes", ""},
		"the realm, none listed":             {"resource=" + issuer, nil, issuer, ""},
		"the realm, others listed":           {"resource=" + issuer, client().Audiences, "", "target_not_allowed"},
		"not listed":                         {"resource=https://bank.example.com", client().Audiences, "", "target_not_allowed"},
		"beginning like one that is listed":  {"resource=https://api.example.com/x", client().Audiences, "", "target_not_allowed"},
		"two resources":                      {"resource=kubernetes&resource=https://api.example.com", client().Audiences, "", "several_targets"},
		"a resource and another as audience": {"resource=kubernetes&audience=https://api.example.com", client().Audiences, "", "several_targets"},
	} {
		t.Run(name, func(t *testing.T) {
			form, err := oauth2.ParseForm(tc.form)
			if err != nil {
				t.Fatal(err)
			}
			got, err := claims.Audience(realm, &directory.Client{Audiences: tc.audiences}, form)
			if why := reason(t, err, oauth2.InvalidTarget); why != tc.reason || got != tc.want {
				t.Errorf("Audience(%q) = %q, %q; want %q, %q", tc.form, got, why, tc.want, tc.reason)
			}
		})
	}
}

func TestSameAudience(t *testing.T) {
	realm := &directory.Realm{Issuer: issuer}
	for name, tc := range map[string]struct {
		form, granted, reason string
	}{
		"none asked":            {"", "kubernetes", ""},
		"the same":              {"resource=kubernetes", "kubernetes", ""},
		"another of the client": {"resource=https://api.example.com", "kubernetes", "target_not_granted"},
		"taken since":           {"", "https://gone.example.com", "target_not_allowed"},
		"taken since, named":    {"audience=https://gone.example.com", "https://gone.example.com", "target_not_allowed"},
		"two":                   {"resource=kubernetes&audience=x", "kubernetes", "several_targets"},
	} {
		t.Run(name, func(t *testing.T) {
			form, err := oauth2.ParseForm(tc.form)
			if err != nil {
				t.Fatal(err)
			}
			if why := reason(t, claims.SameAudience(realm, client(), form, tc.granted), oauth2.InvalidTarget); why != tc.reason {
				t.Errorf("SameAudience(%q, %q): %q; want %q", tc.form, tc.granted, why, tc.reason)
			}
		})
	}
}
