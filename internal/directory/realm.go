package directory

import (
	"cmp"
	"crypto"
	"crypto/tls"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/token"
	"github.com/watchword-io/watchword/internal/validate"
)

// Realm is a realm that serves. Its fields are immutable; the lookups read the records of the moment.
type Realm struct {
	Namespace, Name string
	UID             types.UID
	// Issuer is byte for byte the claim iss; Host (with any port) and Path are its parts, Hostname is for certificates.
	Issuer, Host, Hostname, Path string
	// Spec must not be changed.
	Spec *v1alpha1.RealmSpec
	// Ready is the realm's own condition, as the controllers last saw it.
	Ready bool
	// Ring holds the keys; KeySet is the rendered key set, nil while there is no key.
	Ring   *keyring.Ring
	KeySet []byte
	// Certificate serves the realm's host; nil while there is none.
	Certificate *tls.Certificate

	object    *v1alpha1.Realm
	namespace *namespace
	signers   map[string]*token.Signer // by key ID
}

func convertRealm(r *v1alpha1.Realm) *v1alpha1.Realm {
	// An invalid Realm is kept too: being the oldest, it keeps younger ones from serving.
	return &v1alpha1.Realm{
		ObjectMeta: metav1.ObjectMeta{
			Name: r.Name, Namespace: r.Namespace, UID: r.UID, CreationTimestamp: r.CreationTimestamp, DeletionTimestamp: r.DeletionTimestamp,
		},
		Spec:   r.Spec,
		Status: v1alpha1.RealmStatus{Conditions: r.Status.Conditions},
	}
}

type realmTable struct{ byName map[string]*v1alpha1.Realm }

func newRealmTable() *realmTable { return &realmTable{byName: map[string]*v1alpha1.Realm{}} }

func (t *realmTable) len() int                    { return len(t.byName) }
func (t *realmTable) put(name string, record any) { t.byName[name] = record.(*v1alpha1.Realm) }
func (t *realmTable) remove(name string)          { delete(t.byName, name) }

func (t *realmTable) replace(entries []*entry) {
	t.byName = make(map[string]*v1alpha1.Realm, len(entries))
	for _, e := range entries {
		t.put(e.meta.Name, e.record)
	}
}

// serving is the Realm that serves the namespace, nil for none.
func (t *realmTable) serving() *v1alpha1.Realm {
	realms := make([]*v1alpha1.Realm, 0, len(t.byName))
	for _, r := range t.byName {
		realms = append(realms, r)
	}
	r := identity.ServingRealm(realms)
	if r == nil || r.DeletionTimestamp != nil || validate.Realm(r) != nil {
		return nil
	}
	return r
}

// build makes the view of the namespace's realm. The caller holds the lock.
func (n *namespace) build() *Realm {
	object := n.realms.serving()
	if object == nil {
		return nil
	}
	issuer, err := url.Parse(object.Spec.Issuer)
	if err != nil {
		return nil
	}
	r := &Realm{
		Namespace: object.Namespace, Name: object.Name, UID: object.UID,
		Issuer: object.Spec.Issuer, Host: issuer.Host, Hostname: validate.Hostname(object.Spec.Issuer), Path: issuer.Path,
		Spec: &object.Spec, Ready: meta.IsStatusConditionTrue(object.Status.Conditions, v1alpha1.ReadyCondition),
		object: object, namespace: n, signers: map[string]*token.Signer{},
	}
	r.Certificate = n.certificate(object)
	var keys []*keyring.Key
	for _, s := range n.secrets.byName {
		if s.key != nil && s.owner == object.UID {
			keys = append(keys, s.key)
		}
	}
	r.Ring = keyring.NewRing(keys...)
	previous := n.view.Load()
	var public []jose.JSONWebKey
	for _, key := range r.Ring.Published() {
		signer := previous.signerOf(key)
		if signer == nil {
			if signer, err = token.NewSigner(key.ID, key.Algorithm, key.Private); err != nil {
				n.directory.log.Error(err, "signing key cannot be used", "namespace", n.name, "secret", key.SecretName)
				continue
			}
		}
		r.signers[key.ID] = signer
		public = append(public, key.Public())
	}
	if len(public) == 0 {
		return r
	}
	if r.KeySet, err = token.KeySet(public); err != nil {
		n.directory.log.Error(err, "key set cannot be rendered", "namespace", n.name)
	}
	return r
}

// signerOf returns the signer that an earlier view made for a key, so that it is made once.
func (r *Realm) signerOf(key *keyring.Key) *token.Signer {
	if r == nil {
		return nil
	}
	// The ID is the thumbprint of the public key, so the same ID is the same key.
	return r.signers[key.ID]
}

// certificate finds the realm's serving certificate. One that is given stays in use until a good one replaces it: a Secret that is
// deleted and made again, or half written, must not end TLS.
func (n *namespace) certificate(realm *v1alpha1.Realm) *tls.Certificate {
	if ref := realm.Spec.Serving.CertificateSecretRef; ref != nil {
		if s, ok := n.secrets.byName[ref.Name]; ok && s.certificate != nil {
			return s.certificate
		}
		return n.secrets.given[ref.Name]
	}
	if s, ok := n.secrets.byName[realm.Name+"-serving"]; ok && s.owner == realm.UID {
		return s.certificate
	}
	return nil
}

func compareAge(a, b *Realm) int {
	switch {
	case identity.Older(a.object, b.object):
		return -1
	case identity.Older(b.object, a.object):
		return 1
	}
	return cmp.Compare(a.Namespace, b.Namespace)
}

// Allows reports whether the realm allows a grant.
func (r *Realm) Allows(grant v1alpha1.GrantType) bool { return slices.Contains(r.Spec.Grants, grant) }

// Signing is a key that may sign now.
type Signing struct {
	*token.Signer
	// Longest is the longest lifetime that a token may have: relying parties are promised the key that long. Zero: no bound.
	Longest time.Duration
}

// Signing returns the active key of an algorithm; empty means the realm's. It is false while this replica holds none.
func (r *Realm) Signing(algorithm string, now time.Time) (Signing, bool) {
	key, ok := r.Ring.Active(cmp.Or(algorithm, string(r.Spec.Signing.Algorithm), string(v1alpha1.ES256)), now)
	if !ok {
		return Signing{}, false
	}
	signer, ok := r.signers[key.ID]
	return Signing{Signer: signer, Longest: key.LongestToken}, ok
}

// Box returns what seals with the key that is active now and opens what any key of the realm has sealed. It is false while this replica
// holds no active key.
func (r *Realm) Box(now time.Time) (*seal.Box, bool) {
	active, ok := r.Ring.Active(keyring.A256GCM, now)
	if !ok {
		return nil, false
	}
	keys := r.Ring.Keys(keyring.A256GCM)
	all := make([]seal.Key, len(keys))
	for i, key := range keys {
		all[i] = seal.Key{ID: key.ID, Secret: key.Symmetric}
	}
	box, err := seal.New(string(r.UID), seal.Key{ID: active.ID, Secret: active.Symmetric}, all)
	return box, err == nil // the ring holds only keys that were checked when they were read
}

// Verify reads a token that this realm has issued and still publishes the key of: token.ErrNotOurs for anything else. Expiry and
// audience are the caller's to judge.
func (r *Realm) Verify(compact string, typ token.Type) (*token.Claims, error) {
	return token.Verify(compact, typ, r.Issuer, func(keyID, algorithm string) crypto.PublicKey {
		for _, key := range r.Ring.Published() {
			if key.ID == keyID && key.Algorithm == algorithm {
				return key.Private.Public()
			}
		}
		return nil
	})
}

// UserNamed returns the person whose User object has a name and UID, nil if there is none who may have tokens: she is gone, disabled,
// or refused because an older User has her user name or address. It is what sessions ask at each use.
func (r *Realm) UserNamed(name string, uid types.UID) *User {
	r.namespace.mu.RLock()
	defer r.namespace.mu.RUnlock()
	u, ok := r.namespace.users.byName[name]
	if !ok || uid != "" && u.UID() != uid {
		return nil
	}
	return r.namespace.users.admitted(u)
}

// UserOf returns the person whom the claim sub of a token names, nil under the conditions of UserNamed, and if two Users have one subject:
// a token of the one must not speak for the other.
func (r *Realm) UserOf(subject string) *User {
	r.namespace.mu.RLock()
	defer r.namespace.mu.RUnlock()
	u, ok := r.namespace.users.subjects.oldest(subject)
	if !ok || len(r.namespace.users.subjects.others[subject]) > 0 {
		return nil
	}
	return r.namespace.users.admitted(u)
}

// Client returns the application with a client_id and its live secrets, which are zero if it has none. Of two applications with
// one client_id the older is found.
func (r *Realm) Client(id string) (*Client, ClientSecrets, bool) {
	n := r.namespace
	n.mu.RLock()
	defer n.mu.RUnlock()
	c, ok := n.clients.byID.oldest(id)
	if !ok || c.refused {
		return nil, ClientSecrets{}, false
	}
	s, ok := n.secrets.byName[c.secretName]
	// Only a Secret that belongs to this very object: a Secret of the same name may be anybody's, and one of a deleted
	// application must not open its successor.
	if !ok || s.client == nil || s.owner != c.UID {
		return c, ClientSecrets{}, true
	}
	return c, *s.client, true
}

// User returns the person who signs in with a user name or e-mail address, in any case. clash is true for a person who is
// refused because an older User has the same name or address.
func (r *Realm) User(login string) (user *User, clash bool) {
	login = norm.NFKC.String(strings.ToLower(norm.NFKC.String(login)))
	r.namespace.mu.RLock()
	defer r.namespace.mu.RUnlock()
	return r.namespace.users.find(login)
}

// ClientRoles returns the names of the Roles that access rules give an application now, sorted.
func (r *Realm) ClientRoles(c *Client, now time.Time) []string {
	n := r.namespace
	n.mu.RLock()
	defer n.mu.RUnlock()
	roles := n.rolesOf(nil, r.object, now, v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectClientApplication, Name: c.Name})
	slices.Sort(roles)
	return roles
}

// UserRoles returns the names of the Roles that access rules give a person now, directly or through her groups, sorted.
func (r *Realm) UserRoles(u *User, now time.Time) []string {
	n := r.namespace
	n.mu.RLock()
	defer n.mu.RUnlock()
	roles := n.rolesOf(nil, r.object, now, v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: u.Name()})
	for _, group := range u.groups {
		roles = n.rolesOf(roles, r.object, now, v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectGroup, Name: group.Value()})
	}
	slices.Sort(roles)
	return roles
}
