// Package discovery serves a realm's metadata: OpenID Connect Discovery 1.0 and RFC 8414, one document for both.
//
// It says only what this version really serves, and every address in it begins with the configured issuer: nothing of a request
// ever gets into it. Documents are rendered once per change of a realm.
package discovery

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/httpx"
)

// Metadata is the document (OIDC Discovery section 3, RFC 8414 section 2).
type Metadata struct {
	Issuer string `json:"issuer"`
	// Authorization and what goes with it are left out where the realm does not allow authorization_code.
	Authorization string `json:"authorization_endpoint,omitempty"`
	// Pushed is RFC 9126 section 5.
	Pushed string `json:"pushed_authorization_request_endpoint,omitempty"`
	// EndSession is RP-Initiated Logout 1.0 section 2.1; empty where nobody signs in.
	EndSession    string `json:"end_session_endpoint,omitempty"`
	TokenEndpoint string `json:"token_endpoint"`
	KeysURI       string `json:"jwks_uri"`
	UserInfo      string `json:"userinfo_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	// DeviceAuthorization is RFC 8628 section 4; empty where no device can get a token.
	DeviceAuthorization string   `json:"device_authorization_endpoint,omitempty"`
	Scopes              []string `json:"scopes_supported"`
	// ResponseTypes is required by both specifications, and empty where there is no authorization endpoint: naming a type would promise
	// one.
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported,omitempty"`
	// Challenges is RFC 8414 section 2, Prompts is Initiating User Registration 1.0 section 4, IssuerInResponse RFC 9207 section 3.
	Challenges       []string `json:"code_challenge_methods_supported,omitempty"`
	Prompts          []string `json:"prompt_values_supported,omitempty"`
	IssuerInResponse bool     `json:"authorization_response_iss_parameter_supported,omitempty"`
	// GrantTypes may be empty but not left out: that would mean authorization_code and implicit.
	GrantTypes        []string            `json:"grant_types_supported"`
	SubjectTypes      []string            `json:"subject_types_supported"`
	SigningAlgorithms []string            `json:"id_token_signing_alg_values_supported"`
	AuthMethods       []oauth2.AuthMethod `json:"token_endpoint_auth_methods_supported"`
	// AssertionAlgorithms go with private_key_jwt.
	AssertionAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	// IntrospectionMethods lack none: public clients are not served there. Otherwise clients prove themselves as at the token endpoint.
	IntrospectionMethods    []oauth2.AuthMethod `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms []string            `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationMethods       []oauth2.AuthMethod `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms    []string            `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	Claims                  []string            `json:"claims_supported"`
	// RequestURI is true if left out.
	RequestURI bool `json:"request_uri_parameter_supported"`
}

// Describe makes the metadata of a realm in which the server serves these grants.
func Describe(realm *directory.Realm, served []v1alpha1.GrantType) Metadata {
	m := Metadata{
		Issuer:        realm.Issuer,
		TokenEndpoint: realm.Issuer + "/token",
		KeysURI:       realm.Issuer + "/keys",
		UserInfo:      realm.Issuer + "/userinfo",
		Introspection: realm.Issuer + "/introspect",
		Revocation:    realm.Issuer + "/revoke",
		Scopes:        []string{"openid", "profile", "email", "groups", "roles", "posix"},
		ResponseTypes: []string{},
		GrantTypes:    []string{},
		SubjectTypes:  []string{"public"},
		// none is for public clients, which the password grant knows too.
		AuthMethods:         []oauth2.AuthMethod{oauth2.AuthBasic, oauth2.AuthPost, oauth2.AuthPrivateKeyJWT, oauth2.AuthNone},
		AssertionAlgorithms: clientauth.Algorithms(),
		SigningAlgorithms:   []string{},
		Claims: []string{
			"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "azp", "scope", "auth_time", "realm",
			"preferred_username", "email", "email_verified", "given_name", "family_name", "groups", "roles",
			"uid", "gid", "supplementary_groups",
		},
	}
	for _, grant := range served {
		if realm.Allows(grant) {
			m.GrantTypes = append(m.GrantTypes, string(grant))
		}
	}
	if slices.Contains(m.GrantTypes, string(v1alpha1.GrantAuthorizationCode)) {
		m.authorization()
	}
	if slices.Contains(m.GrantTypes, string(v1alpha1.GrantDeviceCode)) {
		m.DeviceAuthorization, m.EndSession = realm.Issuer+"/device_authorization", realm.Issuer+"/logout"
	}
	m.IntrospectionAlgorithms, m.RevocationAlgorithms = m.AssertionAlgorithms, m.AssertionAlgorithms
	m.RevocationMethods = m.AuthMethods
	m.IntrospectionMethods = slices.DeleteFunc(slices.Clone(m.AuthMethods), func(m oauth2.AuthMethod) bool { return m == oauth2.AuthNone })
	for _, key := range realm.Ring.Published() {
		if !slices.Contains(m.SigningAlgorithms, key.Algorithm) {
			m.SigningAlgorithms = append(m.SigningAlgorithms, key.Algorithm)
		}
	}
	slices.Sort(m.SigningAlgorithms)
	return m
}

// authorization adds what package authorize serves.
func (m *Metadata) authorization() {
	m.Authorization, m.Pushed, m.EndSession = m.Issuer+"/authorize", m.Issuer+"/par", m.Issuer+"/logout"
	m.ResponseTypes, m.ResponseModes = []string{"code"}, []string{"query", "form_post"}
	m.Challenges, m.IssuerInResponse = []string{"S256"}, true
	m.Prompts = []string{"none", "login", "consent", "select_account"}
}

// Endpoint serves the documents of all realms. It is safe for concurrent use.
type Endpoint struct {
	served []v1alpha1.GrantType
	// rendered holds the last document of each namespace.
	rendered sync.Map
}

type document struct {
	realm        *directory.Realm
	body         []byte
	cacheControl []string
	anyOrigin    []string
}

// New makes the endpoint of a server that serves these grants.
func New(served ...v1alpha1.GrantType) *Endpoint { return &Endpoint{served: served} }

// Serve answers a GET.
func (e *Endpoint) Serve(w http.ResponseWriter, _ *http.Request, realm *directory.Realm, _ string) error {
	d, err := e.document(realm)
	if err != nil {
		return err
	}
	h := w.Header()
	h["Cache-Control"] = d.cacheControl
	// Public documents, which applications in browsers read from other origins.
	h["Access-Control-Allow-Origin"] = d.anyOrigin
	httpx.Write(w, http.StatusOK, d.body)
	return nil
}

func (e *Endpoint) document(realm *directory.Realm) (*document, error) {
	if last, ok := e.rendered.Load(realm.Namespace); ok {
		if d, ok := last.(*document); ok && d.realm == realm {
			return d, nil
		}
	}
	body, err := json.Marshal(Describe(realm, e.served))
	if err != nil {
		return nil, err
	}
	maxAge := int(realm.Spec.Signing.KeysMaxAge.Duration / time.Second)
	d := &document{
		realm: realm, body: body,
		cacheControl: []string{"public, max-age=" + strconv.Itoa(maxAge)}, anyOrigin: []string{"*"},
	}
	e.rendered.Store(realm.Namespace, d)
	return d, nil
}
