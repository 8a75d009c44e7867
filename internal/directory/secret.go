package directory

import (
	"crypto/sha256"
	"crypto/tls"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/keyring"
)

// ClientSecrets are the live secrets of an application, as hashes: they have 256 random bits, so SHA-256 without salt is enough.
type ClientSecrets struct {
	// Current and Previous are SHA-256; all zero for none.
	Current, Previous [sha256.Size]byte
	// PreviousUntil is when Previous ends. Excluded.
	PreviousUntil time.Time
}

// secret is what is kept of a Secret: one of key, certificate and client.
type secret struct {
	// owner is the UID of the controlling owner. Without one a Secret is foreign and not used.
	owner       types.UID
	key         *keyring.Key
	certificate *tls.Certificate
	client      *ClientSecrets
}

func convertSecret(s *corev1.Secret) *secret {
	record := &secret{}
	if owner := metav1.GetControllerOf(s); owner != nil {
		record.owner = owner.UID
	}
	switch s.Labels[v1alpha1.ComponentLabel] {
	case v1alpha1.ComponentSigningKey, v1alpha1.ComponentSealingKey:
		key, err := keyring.FromSecret(s)
		if err != nil || s.DeletionTimestamp != nil {
			return nil
		}
		record.key = key
	case v1alpha1.ComponentClientSecret:
		live, err := credential.ClientSecretsFrom(s)
		if err != nil || s.DeletionTimestamp != nil {
			return nil
		}
		record.client = digest(live)
	default:
		// A labelled serving certificate, or the Secret that a Realm names.
		pair, err := tls.X509KeyPair(s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey])
		if err != nil {
			return nil
		}
		record.certificate = &pair
	}
	return record
}

func digest(live credential.ClientSecrets) *ClientSecrets {
	d := &ClientSecrets{PreviousUntil: live.PreviousExpiresAt}
	if live.Current != "" {
		d.Current = sha256.Sum256([]byte(live.Current))
	}
	if live.Previous != "" {
		d.Previous = sha256.Sum256([]byte(live.Previous))
	}
	return d
}

// secretTable holds Secrets by name. given is the one certificate Secret that a Realm names and Watchword did not make.
type secretTable struct {
	byName map[string]*secret
	given  map[string]*tls.Certificate
	// dirty: a key or a certificate came or went since takeDirty.
	dirty bool
}

func newSecretTable() *secretTable {
	return &secretTable{byName: map[string]*secret{}, given: map[string]*tls.Certificate{}}
}

func (t *secretTable) len() int { return len(t.byName) }

func (t *secretTable) put(name string, record any) {
	s := record.(*secret)
	t.dirty = t.dirty || s.client == nil || t.shows(name)
	t.byName[name] = s
}

func (t *secretTable) remove(name string) {
	t.dirty = t.dirty || t.shows(name)
	delete(t.byName, name)
}

func (t *secretTable) replace(entries []*entry) {
	t.byName = make(map[string]*secret, len(entries))
	for _, e := range entries {
		t.byName[e.meta.Name] = e.record.(*secret)
	}
	t.dirty = true
}

// shows reports whether a Secret matters to the realm's view.
func (t *secretTable) shows(name string) bool {
	s, ok := t.byName[name]
	return ok && s.client == nil
}

func (t *secretTable) takeDirty() bool {
	dirty := t.dirty
	t.dirty = false
	return dirty
}
