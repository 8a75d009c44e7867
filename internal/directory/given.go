package directory

import (
	"crypto/tls"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
)

// givenStore receives the certificate Secret that a Realm names (cache.ReflectorStore). Deleted and unreadable certificates change
// nothing: the last good one stays in use.
type givenStore struct{ namespace *namespace }

func convertCertificate(s *corev1.Secret) *tls.Certificate {
	pair, err := tls.X509KeyPair(s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return nil
	}
	return &pair
}

// Add implements cache.ReflectorStore.
func (g *givenStore) Add(object any) error { return g.Update(object) }

// Update implements cache.ReflectorStore.
func (g *givenStore) Update(object any) error {
	e, ok := object.(*entry)
	if !ok {
		return fmt.Errorf("store certificate: unexpected %T", object)
	}
	if pair, ok := e.record.(*tls.Certificate); ok {
		g.namespace.takeGiven(e.meta.Name, pair)
	}
	return nil
}

// Delete implements cache.ReflectorStore.
func (g *givenStore) Delete(any) error { return nil }

// Replace implements cache.ReflectorStore.
func (g *givenStore) Replace(objects []any, _ string) error {
	for _, object := range objects {
		if err := g.Update(object); err != nil {
			return err
		}
	}
	return nil
}

// Resync implements cache.ReflectorStore.
func (g *givenStore) Resync() error { return nil }

// givenName is the Secret that the serving Realm names, empty for none.
func (n *namespace) givenName() string {
	if r := n.view.Load(); r != nil && r.Spec.Serving.CertificateSecretRef != nil {
		return r.Spec.Serving.CertificateSecretRef.Name
	}
	return ""
}

func (n *namespace) takeGiven(name string, pair *tls.Certificate) {
	n.mu.Lock()
	n.secrets.given[name] = pair
	n.view.Store(n.build())
	n.mu.Unlock()
	n.directory.publish()
}

// forgetGiven drops the certificates of all other names.
func (n *namespace) forgetGiven(keep string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.secrets.given, func(name string, _ *tls.Certificate) bool { return name != keep })
}
