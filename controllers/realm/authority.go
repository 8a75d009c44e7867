package realm

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// authorityOverlap is how long the next certificate authority is in the published bundle before it signs: the time that clients have
// to fetch it.
const authorityOverlap = 30 * 24 * time.Hour

// Keys of the authority's Secret, beside those of kubernetes.io/tls.
const (
	dataNextCert     = "next.crt"
	dataNextKey      = "next.key"
	dataPreviousCert = "previous.crt"
)

// authority is the realm's own certificate authority through a change of its certificate: current signs, next is published ahead,
// previous stays published until it expires.
type authority struct {
	current, next *pair
	previous      []byte // PEM; nil when there is none
}

// readAuthority reads the authority's Secret; nil if it holds none that works, in which case a new one has to be made.
func readAuthority(secret *corev1.Secret) *authority {
	if secret == nil {
		return nil
	}
	current, err := parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil || !current.cert.IsCA {
		return nil
	}
	a := &authority{current: current, previous: secret.Data[dataPreviousCert]}
	if next, err := parsePair(secret.Data[dataNextCert], secret.Data[dataNextKey]); err == nil && next.cert.IsCA {
		a.next = next
	}
	return a
}

// advance moves an authority to the state it should have now, making certificates where needed, and says when to look again. A nil
// authority becomes a new one, and so does one that has expired: nobody can trust it any more. The phases follow from the dates in the
// certificates, so a restart in any of them resumes.
func (a *authority) advance(commonName string, now time.Time) (*authority, time.Time, error) {
	if a == nil || !now.Before(a.current.cert.NotAfter) {
		current, err := newAuthority(commonName, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		return &authority{current: current}, renewAt(current.cert), nil
	}
	out := *a
	if out.previous != nil && expired(out.previous, now) {
		out.previous = nil
	}
	if out.next == nil {
		if due := renewAt(out.current.cert); now.Before(due) {
			return &out, due, nil
		}
		next, err := newAuthority(commonName, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		out.next = next
	}
	if due := out.next.cert.NotBefore.Add(backdate + authorityOverlap); now.Before(due) {
		return &out, due, nil
	}
	promoted := &authority{current: out.next, previous: out.current.certPEM}
	return promoted, renewAt(promoted.current.cert), nil
}

// certificates is the bundle that clients trust: what signs, what will sign, and what has signed.
func (a *authority) certificates() []byte {
	certs := [][]byte{a.current.certPEM, a.previous}
	if a.next != nil {
		certs = append(certs, a.next.certPEM)
	}
	return bundle(certs...)
}

// secret is the authority's Secret, without an owner.
func (a *authority) secret(realm *v1alpha1.Realm) *corev1.Secret {
	data := map[string][]byte{corev1.TLSCertKey: a.current.certPEM, corev1.TLSPrivateKeyKey: a.current.keyPEM}
	if a.next != nil {
		data[dataNextCert], data[dataNextKey] = a.next.certPEM, a.next.keyPEM
	}
	if a.previous != nil {
		data[dataPreviousCert] = a.previous
	}
	return &corev1.Secret{
		ObjectMeta: kube.Meta(realm.Namespace, authorityName(realm), v1alpha1.ComponentCertificateAuthority),
		Type:       corev1.SecretTypeTLS,
		Data:       data,
	}
}

// authorityName is the name of both the Secret and the ConfigMap of a realm's authority.
func authorityName(realm *v1alpha1.Realm) string { return realm.Name + "-ca" }

// servingName is the name of the Secret with the self-made serving certificate.
func servingName(realm *v1alpha1.Realm) string { return realm.Name + "-serving" }

func authorityCommonName(realm *v1alpha1.Realm) string {
	return commonName(fmt.Sprintf("Watchword %s/%s", realm.Namespace, realm.Name))
}
