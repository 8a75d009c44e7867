package directory

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/validate"
)

// Client is a client application of a realm, immutable.
type Client struct {
	// Name and UID of the ClientApplication object.
	Name string
	UID  types.UID
	// ID is the client_id in force, Username the sub and preferred_username of its own tokens.
	ID       string
	Username string
	Type     v1alpha1.ClientType
	// Disabled: no token may be issued; also while the object is being deleted.
	Disabled  bool
	Grants    []v1alpha1.GrantType
	Scopes    []string
	Audiences []string
	// DisplayName is for people; it is never empty.
	DisplayName string
	// RedirectURIs and PostLogoutRedirectURIs are compared byte by byte.
	RedirectURIs, PostLogoutRedirectURIs []string
	// Proofs are the signed assertions that it proves itself by; nil for none. Its secrets count too if it has any.
	Proofs *Proofs
	// Algorithm is empty where the realm's is meant.
	Algorithm string
	Format    v1alpha1.AccessTokenFormat
	// AccessLifetime and IDLifetime are zero where the realm's are meant.
	AccessLifetime time.Duration
	IDLifetime     time.Duration

	// refused by validate: not served, but keeps its client_id from younger applications, as in the controllers.
	refused    bool
	secretName string
	created    metav1.Time
}

func convertClient(a *v1alpha1.ClientApplication) *Client {
	c := &Client{
		Name: a.Name, UID: a.UID, ID: identity.ClientID(a), Type: a.Spec.Type,
		Disabled: a.Spec.Disabled || a.DeletionTimestamp != nil,
		Grants:   a.Spec.GrantTypes, Scopes: a.Spec.Scopes, Audiences: a.Spec.Audiences,
		DisplayName: cmp.Or(a.Spec.DisplayName, a.Name), RedirectURIs: a.Spec.RedirectURIs, PostLogoutRedirectURIs: a.Spec.PostLogoutRedirectURIs,
		Algorithm: string(a.Spec.SigningAlgorithm), Format: a.Spec.AccessTokenFormat,
		refused: validate.ClientApplication(a) != nil,
		created: a.CreationTimestamp,
	}
	if identity.HasSecret(a) {
		c.secretName = identity.ClientSecretName(a)
	}
	if a.Spec.Authentication != nil && !c.refused {
		c.Proofs = newProofs(a.Spec.Authentication)
	}
	c.Username = identity.ClientUsername(c.ID)
	if t := a.Spec.Tokens; t != nil && t.Access != nil {
		c.AccessLifetime = t.Access.Duration
	}
	if t := a.Spec.Tokens; t != nil && t.ID != nil {
		c.IDLifetime = t.ID.Duration
	}
	return c
}

func (c *Client) isRefused() bool { return c.refused }

func (c *Client) age() *metav1.ObjectMeta {
	return &metav1.ObjectMeta{UID: c.UID, CreationTimestamp: c.created}
}

// clientTable finds applications by object name and by client_id.
type clientTable struct {
	byName map[string]*Client
	byID   claims[*Client]
}

func newClientTable() *clientTable {
	return &clientTable{byName: map[string]*Client{}, byID: newClaims[*Client](0)}
}

func (t *clientTable) len() int { return len(t.byName) }

func (t *clientTable) put(name string, record any) {
	t.remove(name)
	c := record.(*Client)
	t.byName[name] = c
	t.byID.add(c.ID, c)
}

func (t *clientTable) remove(name string) {
	c, ok := t.byName[name]
	if !ok {
		return
	}
	delete(t.byName, name)
	t.byID.drop(c.ID, c)
}

func (t *clientTable) replace(entries []*entry) {
	*t = *newClientTable()
	for _, e := range entries {
		t.put(e.meta.Name, e.record)
	}
}
