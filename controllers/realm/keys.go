package realm

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/kube"
)

// maxPlans bounds how often one reconcile decides again: create, then delete, then nothing is left to do.
const maxPlans = 4

// ensureKeys makes, extends and deletes keys until nothing is to be done now.
func (r *Reconciler) ensureKeys(ctx context.Context, o *observation) error {
	policy := keyPolicy(o.realm, o.apps)
	for range maxPlans {
		plan := keyring.Decide(o.keysNow(), policy, keyring.NewRing(o.keys...))
		if plan.Empty() {
			o.handled = true
			if !plan.Next.IsZero() {
				o.wake = kube.Sooner(o.wake, plan.Next.Add(-o.skew))
			}
			return nil
		}
		if err := r.execute(ctx, o, plan); err != nil {
			return err
		}
	}
	return fmt.Errorf("decide about keys: still changing after %d rounds", maxPlans)
}

// clockNoise is how far an API server's clock may seem to be off because its timestamps have whole seconds and answers take time.
const clockNoise = 2 * time.Second

// keysNow is the time by which keys are judged: the API server's, as far as it is known, because that clock stamps them. By ours, a key
// made a moment ago could seem not to sign yet, or be due for rotation already, and another would be made again and again.
func (o *observation) keysNow() time.Time {
	now := o.now.Add(o.skew)
	for _, key := range o.keys {
		if key.CreatedAt.After(now) {
			now = key.CreatedAt
		}
	}
	return now
}

// learnSkew compares the clocks when the API server has just stamped something.
func (r *Reconciler) learnSkew(o *observation, stamped time.Time) {
	skew := stamped.Sub(r.Now())
	if skew.Abs() <= clockNoise {
		skew = 0
	}
	r.skew.Store(int64(skew))
	o.skew = skew
}

// tolerate notes a refused write of a key, so that the certificate is looked after all the same, and passes other errors on.
func (o *observation) tolerate(err error) error {
	verdict, retry, blocked := kube.Blocked(err, o.now)
	if !blocked {
		return err
	}
	o.keysBlocked, o.wake = &verdict, kube.Sooner(o.wake, retry)
	return nil
}

func (r *Reconciler) execute(ctx context.Context, o *observation, plan keyring.Plan) error {
	for _, creation := range plan.Create {
		key, err := creation.Generate()
		if err != nil {
			return err
		}
		secret, err := key.Secret(o.realm)
		if err != nil {
			return err
		}
		if secret, err = r.Keeper.EnsureSecret(ctx, o.realm, nil, secret); err != nil {
			return err
		}
		key.CreatedAt = secret.CreationTimestamp.Time
		r.learnSkew(o, key.CreatedAt)
		o.keys = append(o.keys, key)
		o.secrets[secret.Name] = secret
	}
	for _, key := range plan.Extend {
		key.LongestToken = keyPolicy(o.realm, o.apps).Longest(key.Algorithm)
		next := o.secrets[key.SecretName].DeepCopy()
		next.Annotations[keyring.LongestTokenAnnotation] = key.LongestToken.String()
		if err := r.Client.Update(ctx, next, kube.FieldOwner); err != nil {
			return fmt.Errorf("extend key Secret %q: %w", next.Name, err)
		}
		o.secrets[key.SecretName] = next
	}
	for _, key := range plan.Delete {
		if err := r.Keeper.Remove(ctx, o.realm, o.secrets[key.SecretName]); err != nil {
			return err
		}
		o.keys = slices.DeleteFunc(o.keys, func(other *keyring.Key) bool { return other == key })
	}
	return nil
}

// keyPolicy is what a realm and its applications ask of the keys. A revocation that is asked for together with a rotation does both.
func keyPolicy(realm *v1alpha1.Realm, apps []v1alpha1.ClientApplication) keyring.Policy {
	signing, tokens := realm.Spec.Signing, realm.Spec.Tokens
	policy := keyring.Policy{
		Algorithms:     []string{keyring.A256GCM, string(signing.Algorithm)},
		RotationPeriod: signing.RotationPeriod.Duration,
		PublishBefore:  signing.PublishBefore.Duration,
		KeysMaxAge:     signing.KeysMaxAge.Duration,
		LongestToken:   max(tokens.Access.Duration, tokens.ID.Duration),
		// A session, its cookie and its refresh tokens end with refreshAbsolute at the latest; all else that is sealed lives minutes.
		LongestSealed: tokens.RefreshAbsolute.Duration,
		RevokeRequest: pending(realm, v1alpha1.RevokeKeysAnnotation, realm.Status.HandledRevokeKeys),
	}
	if policy.RevokeRequest == "" {
		policy.RotateRequest = pending(realm, v1alpha1.RotateKeysAnnotation, realm.Status.HandledRotateKeys)
	}
	for i := range apps {
		spec := &apps[i].Spec
		if spec.SigningAlgorithm != "" {
			policy.Algorithms = append(policy.Algorithms, string(spec.SigningAlgorithm))
		}
		if spec.Tokens == nil {
			continue
		}
		for _, override := range []*metav1.Duration{spec.Tokens.Access, spec.Tokens.ID} {
			if override != nil {
				policy.LongestToken = max(policy.LongestToken, override.Duration)
			}
		}
	}
	slices.Sort(policy.Algorithms)
	policy.Algorithms = slices.Compact(policy.Algorithms)
	return policy
}

// pending is the value of an annotation that has not been acted on, or empty.
func pending(realm *v1alpha1.Realm, annotation, handled string) string {
	if value := realm.Annotations[annotation]; value != handled {
		return value
	}
	return ""
}
