package keyring

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// Keys of a key Secret's data, and its annotations.
const (
	dataPrivate   = "private.pem"
	dataSymmetric = "key"
	dataAlgorithm = "algorithm"
	dataID        = "kid"

	// publishBeforeAnnotation is how long after its creation the key begins to sign: a Go duration.
	publishBeforeAnnotation = v1alpha1.GroupName + "/publish-before"
	// LongestTokenAnnotation is the longest lifetime of any token the key may have signed: a Go duration. It only ever grows.
	LongestTokenAnnotation = v1alpha1.GroupName + "/longest-token"
	// RequestAnnotation is the value of the annotation on the Realm that asked for the key.
	RequestAnnotation = v1alpha1.GroupName + "/request"
)

// Component is the value of the component label of the key's Secret.
func (k *Key) Component() string {
	if k.Sealing() {
		return v1alpha1.ComponentSealingKey
	}
	return v1alpha1.ComponentSigningKey
}

// Secret is the Secret that keeps the key: immutable, labelled, in the realm's namespace, without an owner, which the caller adds. It
// sets SecretName. The name comes from the key's ID, so making one twice is refused by the API server rather than done twice.
func (k *Key) Secret(realm *v1alpha1.Realm) (*corev1.Secret, error) {
	data := map[string][]byte{dataAlgorithm: []byte(k.Algorithm), dataID: []byte(k.ID)}
	if k.Sealing() {
		data[dataSymmetric] = k.Symmetric
	} else {
		der, err := x509.MarshalPKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("encode key %s: %w", k.ID, err)
		}
		data[dataPrivate] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	annotations := map[string]string{
		publishBeforeAnnotation: k.PublishBefore.String(),
		LongestTokenAnnotation:  k.LongestToken.String(),
	}
	if k.Request != "" {
		annotations[RequestAnnotation] = k.Request
	}
	sum := sha256.Sum256([]byte(k.ID))
	k.SecretName = fmt.Sprintf("%s-%s-%s", realm.Name, k.Component(), hex.EncodeToString(sum[:5]))
	immutable := true
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        k.SecretName,
			Namespace:   realm.Namespace,
			Annotations: annotations,
			Labels:      map[string]string{v1alpha1.ComponentLabel: k.Component(), v1alpha1.ManagedByLabel: v1alpha1.ManagedBy},
		},
		Immutable: &immutable,
		Type:      corev1.SecretTypeOpaque,
		Data:      data,
	}, nil
}

// FromSecret reads a key. It refuses one whose ID is not the thumbprint of its public key, or that does not fit its algorithm. Errors
// name the Secret and quote nothing of its data.
func FromSecret(s *corev1.Secret) (*Key, error) {
	key := &Key{
		ID: string(s.Data[dataID]), Algorithm: string(s.Data[dataAlgorithm]),
		SecretName: s.Name, CreatedAt: s.CreationTimestamp.Time, Request: s.Annotations[RequestAnnotation],
	}
	var err error
	if key.PublishBefore, err = duration(s, publishBeforeAnnotation); err != nil {
		return nil, err
	}
	if key.LongestToken, err = duration(s, LongestTokenAnnotation); err != nil {
		return nil, err
	}
	if key.Sealing() {
		key.Symmetric = s.Data[dataSymmetric]
		if len(key.Symmetric) != 32 || key.ID == "" {
			return nil, fmt.Errorf("read key Secret %q: %q is not 32 bytes or %q is missing", s.Name, dataSymmetric, dataID)
		}
		return key, nil
	}
	if key.Private, err = parsePrivate(s.Data[dataPrivate]); err != nil {
		return nil, fmt.Errorf("read key Secret %q: %w", s.Name, err)
	}
	if !fits(key.Private, key.Algorithm) {
		return nil, fmt.Errorf("read key Secret %q: its key does not fit its algorithm", s.Name)
	}
	if id, err := thumbprint(key.Private.Public()); err != nil || id != key.ID {
		return nil, fmt.Errorf("read key Secret %q: %q is not the thumbprint of its key", s.Name, dataID)
	}
	return key, nil
}

func parsePrivate(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%q holds no PEM block", dataPrivate)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%q holds no PKCS #8 key", dataPrivate)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}

func duration(s *corev1.Secret, annotation string) (time.Duration, error) {
	raw, ok := s.Annotations[annotation]
	if !ok {
		return 0, nil
	}
	d, err := time.ParseDuration(raw)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("read key Secret %q: annotation %s is not a duration", s.Name, annotation)
	}
	return d, nil
}
