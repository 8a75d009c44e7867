package realm

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// caKey is the key of the published ConfigMap with the authority's certificates.
const caKey = "ca.crt"

// expirySoon is how long before the end of a given certificate its condition says so.
const expirySoon = 14 * 24 * time.Hour

// Reasons of the condition CertificateReady.
const (
	reasonSecretMissing = "CertificateSecretMissing"
	reasonSecretInvalid = "CertificateSecretInvalid"
	reasonHostMismatch  = "CertificateHostMismatch"
	reasonExpired       = "CertificateExpired"
	reasonNotYetValid   = "CertificateNotYetValid"
	reasonExpiresSoon   = "CertificateExpiresSoon"
)

// certificateState is what became of the serving certificate.
type certificateState struct {
	verdict kube.Verdict
	status  v1alpha1.ServingStatus
}

// ensureCertificate checks the given certificate, or keeps a self-made one.
func (r *Reconciler) ensureCertificate(ctx context.Context, o *observation) error {
	serving, err := r.Keeper.Secret(ctx, o.realm.Namespace, servingName(o.realm))
	if err != nil {
		return err
	}
	if ref := o.realm.Spec.Serving.CertificateSecretRef; ref != nil {
		given, err := r.Keeper.Secret(ctx, o.realm.Namespace, ref.Name)
		if err != nil {
			return err
		}
		var wake time.Time
		o.certificate, wake = inspectGiven(ref.Name, given, validate.Hostname(o.realm.Spec.Issuer), o.now)
		o.wake = kube.Sooner(o.wake, wake)
		if serving != nil && serving.Name != ref.Name {
			return r.Keeper.Remove(ctx, o.realm, serving)
		}
		return nil
	}
	return r.ensureSelfMade(ctx, o, serving)
}

// inspectGiven judges a given Secret, and says when the judgement will change by itself.
func inspectGiven(name string, secret *corev1.Secret, host string, now time.Time) (certificateState, time.Time) {
	refused := func(reason, format string, args ...any) (certificateState, time.Time) {
		return certificateState{verdict: kube.Verdict{Reason: reason, Message: fmt.Sprintf(format, args...)}}, time.Time{}
	}
	if secret == nil {
		return refused(reasonSecretMissing, "Secret %q does not exist; create it with type kubernetes.io/tls, or remove spec.serving.certificateSecretRef", name)
	}
	if secret.Type != corev1.SecretTypeTLS {
		return refused(reasonSecretInvalid, "Secret %q has type %q; make it again with type kubernetes.io/tls", name, secret.Type)
	}
	p, err := parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return refused(reasonSecretInvalid, "Secret %q cannot be used: %v; write a matching pair", name, err)
	}
	end := metav1.NewTime(p.cert.NotAfter)
	switch {
	case p.cert.VerifyHostname(host) != nil:
		return refused(reasonHostMismatch, "the certificate in Secret %q does not cover the issuer's host %q; issue it for that name", name, host)
	case !now.Before(p.cert.NotAfter):
		return refused(reasonExpired, "the certificate in Secret %q expired at %s; renew it", name, stamp(p.cert.NotAfter))
	case now.Before(p.cert.NotBefore):
		state, _ := refused(reasonNotYetValid, "the certificate in Secret %q is valid only from %s; use one that is valid now", name, stamp(p.cert.NotBefore))
		return state, p.cert.NotBefore
	}
	state := certificateState{status: v1alpha1.ServingStatus{SecretName: name, NotAfter: &end}}
	soon := p.cert.NotAfter.Add(-expirySoon)
	if now.Before(soon) {
		state.verdict = kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: fmt.Sprintf("the certificate in Secret %q covers %q", name, host)}
		return state, soon
	}
	state.verdict = kube.Verdict{OK: true, Reason: reasonExpiresSoon, Message: fmt.Sprintf(
		"the certificate in Secret %q expires at %s; renew it", name, stamp(p.cert.NotAfter))}
	return state, p.cert.NotAfter
}

// ensureSelfMade keeps the realm's own authority, publishes its certificates, and then signs with it: in this order, so that nobody
// meets a serving certificate before its authority is published.
func (r *Reconciler) ensureSelfMade(ctx context.Context, o *observation, serving *corev1.Secret) error {
	a, err := r.ensureAuthority(ctx, o)
	if err == nil {
		err = r.ensureServing(ctx, o, a, serving)
	}
	if verdict, retry, blocked := kube.Blocked(err, o.now); blocked {
		o.certificate, o.wake = certificateState{verdict: verdict}, kube.Sooner(o.wake, retry)
		return nil
	}
	return err
}

func (r *Reconciler) ensureAuthority(ctx context.Context, o *observation) (*authority, error) {
	name := authorityName(o.realm)
	secret, err := r.Keeper.Secret(ctx, o.realm.Namespace, name)
	if err != nil {
		return nil, err
	}
	if secret != nil && !kube.Owned(secret, o.realm) {
		return nil, &kube.ForeignError{Kind: "Secret", Name: name}
	}
	published, err := r.configMap(ctx, o.realm.Namespace, name)
	if err != nil {
		return nil, err
	}
	if published != nil && !kube.Owned(published, o.realm) {
		return nil, &kube.ForeignError{Kind: "ConfigMap", Name: name}
	}
	a, wake, err := readAuthority(secret).advance(authorityCommonName(o.realm), o.now)
	if err != nil {
		return nil, err
	}
	o.wake = kube.Sooner(o.wake, wake)
	if _, err := r.Keeper.EnsureSecret(ctx, o.realm, secret, a.secret(o.realm)); err != nil {
		return nil, err
	}
	shown, err := r.hostAuthority(ctx, o)
	if err != nil {
		return nil, err
	}
	return a, r.Keeper.EnsureConfigMap(ctx, o.realm, published, &corev1.ConfigMap{
		ObjectMeta: kube.Meta(o.realm.Namespace, name, v1alpha1.ComponentCertificateAuthority),
		Data:       map[string]string{caKey: string(bundle(a.certificates(), shown))},
	})
}

// hostAuthority is the published authority of the Realm whose certificate clients are shown when several share a host: TLS knows host
// names, not paths. It is looked at again with the counts, about once a minute; authorities change with weeks of overlap.
func (r *Reconciler) hostAuthority(ctx context.Context, o *observation) ([]byte, error) {
	if o.host == nil {
		return nil, nil
	}
	published, err := r.configMap(ctx, o.host.Namespace, authorityName(o.host))
	if err != nil || published == nil || !kube.Owned(published, o.host) {
		return nil, err
	}
	return []byte(published.Data[caKey]), nil
}

func (r *Reconciler) ensureServing(ctx context.Context, o *observation, a *authority, secret *corev1.Secret) error {
	names := servingNames(validate.Hostname(o.realm.Spec.Issuer), o.realm.Spec.Serving.AdditionalNames)
	if secret != nil && !kube.Owned(secret, o.realm) {
		return &kube.ForeignError{Kind: "Secret", Name: secret.Name}
	}
	var serving *pair
	if secret != nil {
		serving, _ = parsePair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]) // damaged is like missing
	}
	if serving == nil || mustRenew(serving, names, a.current, o.now) {
		var err error
		if serving, err = newServing(names, a.current, o.now); err != nil {
			return err
		}
	}
	_, err := r.Keeper.EnsureSecret(ctx, o.realm, secret, &corev1.Secret{
		ObjectMeta: kube.Meta(o.realm.Namespace, servingName(o.realm), v1alpha1.ComponentServingCertificate),
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{corev1.TLSCertKey: serving.certPEM, corev1.TLSPrivateKeyKey: serving.keyPEM},
	})
	if err != nil {
		return err
	}
	end := metav1.NewTime(serving.cert.NotAfter)
	o.wake = kube.Sooner(o.wake, renewAt(serving.cert))
	o.certificate = certificateState{
		status: v1alpha1.ServingStatus{SecretName: servingName(o.realm), CAConfigMapName: authorityName(o.realm), NotAfter: &end},
		verdict: kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: fmt.Sprintf(
			"self-made certificate for %q; clients trust ca.crt of ConfigMap %q", names, authorityName(o.realm))},
	}
	return nil
}

// configMap reads a ConfigMap live; nil without an error if there is none.
func (r *Reconciler) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	found := &corev1.ConfigMap{}
	switch err := r.Keeper.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get ConfigMap %q: %w", name, err)
	}
	return found, nil
}

// expired reports whether the first certificate in PEM is past its end or cannot be read.
func expired(certPEM []byte, now time.Time) bool {
	block, _ := pem.Decode(certPEM)
	if block == nil {
		return true
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return err != nil || !now.Before(cert.NotAfter)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
