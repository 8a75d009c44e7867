package directory

import (
	"cmp"
	"crypto/tls"
	"net/url"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/keyring"
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

func (t *realmTable) len() int { return len(t.byName) }

func (t *realmTable) put(name string, record any) { t.byName[name] = record.(*v1alpha1.Realm) }

func (t *realmTable) remove(name string) { delete(t.byName, name) }

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
