package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	contract "github.com/watchword-io/watchword/internal/store"
)

// ErrNoCredential is returned for a person who has no password that was set for her.
var ErrNoCredential = errors.New("no credential")

// Failures are the wrong passwords that are counted for one person, by where they came from. Nil: none.
type Failures struct {
	// Elsewhere counts browsers in which she has not signed in before, and programs; KnownDevice the others.
	Elsewhere, KnownDevice *v1alpha1.FailedLogins
	// Version is the resourceVersion of the User that they were read from; empty if there is no such User.
	Version string
}

// Credential reads a person's password record live, so that a new or withdrawn password counts at once on every replica. It
// returns ErrNoCredential if there is none that was made for this very User; any other error is trouble with the API server.
func (s *Source) Credential(ctx context.Context, namespace, user string, uid types.UID) (credential.Record, error) {
	stored := &corev1.Secret{}
	err := s.core.Get().Namespace(namespace).Resource("secrets").Name(credential.SecretName(user)).Do(ctx).Into(stored)
	switch {
	case apierrors.IsNotFound(err):
		return credential.Record{}, ErrNoCredential
	case err != nil:
		return credential.Record{}, fmt.Errorf("read credential Secret of user %q: %w", user, err)
	}
	owner := metav1.GetControllerOf(stored)
	if owner == nil || owner.UID != uid || stored.DeletionTimestamp != nil {
		return credential.Record{}, ErrNoCredential
	}
	record, err := credential.RecordFrom(stored)
	if err != nil {
		return credential.Record{}, fmt.Errorf("%w: %w", ErrNoCredential, err)
	}
	return record, nil
}

// SaveCredential replaces the record that was read as r.Version: store.ErrConflict if it has changed since, store.ErrNotFound if it is
// gone. A resourceVersion belongs to one object only, so it stands for the owner as well.
func (s *Source) SaveCredential(ctx context.Context, namespace, user string, r credential.Record) error {
	data := map[string]*[]byte{}
	for _, key := range credential.DataKeys() {
		data[key] = nil // null removes a key (RFC 7386)
	}
	for key, value := range r.Data() {
		data[key] = &value
	}
	request := s.core.Patch(types.MergePatchType).Namespace(namespace).Resource("secrets").Name(credential.SecretName(user))
	body := map[string]any{"metadata": map[string]string{"resourceVersion": r.Version}, "data": data}
	return patch(ctx, request, body, "credential Secret of user", user)
}

// Failures reads the wrong passwords of a person live. Nobody has none.
func (s *Source) Failures(ctx context.Context, namespace, user string, uid types.UID) (Failures, error) {
	stored := &v1alpha1.User{}
	err := s.identity.Get().Namespace(namespace).Resource("users").Name(user).Do(ctx).Into(stored)
	switch {
	case apierrors.IsNotFound(err):
		return Failures{}, nil
	case err != nil:
		return Failures{}, fmt.Errorf("read user %q: %w", user, err)
	case stored.UID != uid:
		return Failures{}, nil
	}
	return Failures{
		Version: stored.ResourceVersion, Elsewhere: stored.Status.FailedLogins, KnownDevice: stored.Status.FailedLoginsKnownDevice,
	}, nil
}

// SaveFailures replaces the wrong passwords that were read as f.Version: store.ErrConflict if the User has changed since,
// store.ErrNotFound if it is gone. Nothing else of its status is touched.
func (s *Source) SaveFailures(ctx context.Context, namespace, user string, f Failures) error {
	status := map[string]any{"failedLogins": failedLogins(f.Elsewhere), "failedLoginsKnownDevice": failedLogins(f.KnownDevice)}
	request := s.identity.Patch(types.MergePatchType).Namespace(namespace).Resource("users").Name(user).SubResource("status")
	body := map[string]any{"metadata": map[string]string{"resourceVersion": f.Version}, "status": status}
	return patch(ctx, request, body, "status of user", user)
}

// failedLogins leaves nothing out, because what a merge patch does not name stays.
func failedLogins(f *v1alpha1.FailedLogins) any {
	if f == nil {
		return nil
	}
	return map[string]any{"count": f.Count, "since": f.Since, "lockedUntil": f.LockedUntil}
}

// patch sends a merge patch that names the resourceVersion it rests on.
func patch(ctx context.Context, request *rest.Request, body any, what, name string) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s %q: %w", what, name, err)
	}
	options := &metav1.PatchOptions{FieldManager: v1alpha1.ManagedBy}
	err = request.VersionedParams(options, metav1.ParameterCodec).Body(encoded).Do(ctx).Error()
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err):
		return contract.ErrNotFound
	case apierrors.IsConflict(err):
		return contract.ErrConflict
	}
	return fmt.Errorf("write %s %q: %w", what, name, err)
}
