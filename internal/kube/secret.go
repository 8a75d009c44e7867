package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// ForeignError says that the name of an object we need is taken by one that we did not make.
type ForeignError struct {
	// Kind and Name of the object in the way.
	Kind, Name string
}

// Error implements error. The message names the next action.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s %q exists and was not made by Watchword, so it is left alone; delete or rename it", e.Kind, e.Name)
}

// retryBlocked is how soon a write is tried again that the API server refused: its reasons cannot be watched.
const retryBlocked = time.Minute

// Blocked tells the errors of a Keeper that somebody has to solve from those that go away by themselves: a name that is taken, and a
// write that the API server's rules refuse. The time is when to try again; zero means that a change of the object in the way will tell.
func Blocked(err error, now time.Time) (Verdict, time.Time, bool) {
	var foreign *ForeignError
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &foreign):
		return Verdict{Reason: "SecretConflict", Message: foreign.Error()}, time.Time{}, true
	case !errors.As(err, &status):
		return Verdict{}, time.Time{}, false
	case apierrors.IsForbidden(err):
		return Verdict{Reason: "WriteForbidden", Message: fmt.Sprintf(
				"the API server does not let Watchword write: %s; give it the rights of config/rbac, or the object its labels", status.Status().Message)},
			now.Add(retryBlocked), true
	case apierrors.IsInvalid(err):
		// The message of this error may quote what was refused, so it is not repeated.
		name := ""
		if details := status.Status().Details; details != nil {
			name = details.Name
		}
		return Verdict{Reason: "WriteInvalid", Message: fmt.Sprintf(
			"the API server finds what Watchword writes to %q invalid; a shorter name of this object may help", name)}, now.Add(retryBlocked), true
	}
	return Verdict{}, time.Time{}, false
}

// Keeper reads and writes owned objects, past any cache. Secrets are created and compared-and-swapped rather than applied: server-side
// apply cannot say "only if it is not there" and would merge into a stranger's Secret, nor does it remove a key that was set at creation.
type Keeper struct {
	// Live reads past the cache.
	Live   client.Reader
	Client client.Client
	Scheme *runtime.Scheme
}

// Secret reads a Secret live; nil without an error if there is none.
func (k Keeper) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	switch err := k.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get Secret %q: %w", name, err)
	}
	return secret, nil
}

// EnsureSecret makes the Secret that was read as live (nil: none) hold what want says, with owner as its controller. Labels and
// annotations that others added stay; data is ours alone. It returns the Secret as it is then, live itself if nothing had to be
// written. A Secret of another owner gives a *ForeignError.
func (k Keeper) EnsureSecret(ctx context.Context, owner client.Object, live, want *corev1.Secret) (*corev1.Secret, error) {
	if live == nil {
		if err := controllerutil.SetControllerReference(owner, want, k.Scheme); err != nil {
			return nil, fmt.Errorf("own Secret %q: %w", want.Name, err)
		}
		if err := k.Client.Create(ctx, want, FieldOwner); err != nil {
			return nil, fmt.Errorf("create Secret %q: %w", want.Name, err)
		}
		return want, nil
	}
	if !Owned(live, owner) {
		return nil, &ForeignError{Kind: "Secret", Name: live.Name}
	}
	next := live.DeepCopy()
	next.Data = want.Data
	merge(&next.ObjectMeta, &want.ObjectMeta)
	if equalData(live.Data, next.Data) && equalMeta(live, next) {
		return live, nil
	}
	if err := k.Client.Update(ctx, next, FieldOwner); err != nil {
		return nil, fmt.Errorf("update Secret %q: %w", want.Name, err)
	}
	return next, nil
}

// EnsureConfigMap does for a ConfigMap what EnsureSecret does for a Secret.
func (k Keeper) EnsureConfigMap(ctx context.Context, owner client.Object, live, want *corev1.ConfigMap) error {
	if live == nil {
		if err := controllerutil.SetControllerReference(owner, want, k.Scheme); err != nil {
			return fmt.Errorf("own ConfigMap %q: %w", want.Name, err)
		}
		if err := k.Client.Create(ctx, want, FieldOwner); err != nil {
			return fmt.Errorf("create ConfigMap %q: %w", want.Name, err)
		}
		return nil
	}
	if !Owned(live, owner) {
		return &ForeignError{Kind: "ConfigMap", Name: live.Name}
	}
	next := live.DeepCopy()
	next.Data, next.BinaryData = want.Data, nil
	merge(&next.ObjectMeta, &want.ObjectMeta)
	if reflect.DeepEqual(live, next) {
		return nil
	}
	if err := k.Client.Update(ctx, next, FieldOwner); err != nil {
		return fmt.Errorf("update ConfigMap %q: %w", want.Name, err)
	}
	return nil
}

// Remove deletes exactly the object that was read, if owner owns it. One that is gone already is no error.
func (k Keeper) Remove(ctx context.Context, owner client.Object, live client.Object) error {
	if !Owned(live, owner) {
		return nil
	}
	return k.RemoveAny(ctx, live)
}

// RemoveAny deletes exactly the object that was read, whoever owns it. One that is gone or replaced already is no error.
func (k Keeper) RemoveAny(ctx context.Context, live client.Object) error {
	uid := live.GetUID()
	err := k.Client.Delete(ctx, live, client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete %q: %w", live.GetName(), err)
	}
	return nil
}

// merge adds the labels and annotations of want to meta.
func merge(meta, want *metav1.ObjectMeta) {
	if meta.Labels == nil && len(want.Labels) > 0 {
		meta.Labels = map[string]string{}
	}
	maps.Copy(meta.Labels, want.Labels)
	if meta.Annotations == nil && len(want.Annotations) > 0 {
		meta.Annotations = map[string]string{}
	}
	maps.Copy(meta.Annotations, want.Annotations)
}

func equalMeta(a, b metav1.Object) bool {
	return maps.Equal(a.GetLabels(), b.GetLabels()) && maps.Equal(a.GetAnnotations(), b.GetAnnotations())
}

func equalData(a, b map[string][]byte) bool {
	return maps.EqualFunc(a, b, bytes.Equal)
}
