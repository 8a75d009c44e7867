package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/store"
)

type sessions struct{ client rest.Interface }

const sessionResource = "sessions"

// Create implements store.Sessions.
func (c sessions) Create(ctx context.Context, s *store.Session) error {
	object := &v1alpha1.Session{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Session"},
		ObjectMeta: objectMeta(s.Realm, s.Name, v1alpha1.ComponentSession),
		Spec:       spec(s),
	}
	stored := &v1alpha1.Session{}
	err := c.client.Post().Namespace(s.Realm).Resource(sessionResource).
		VersionedParams(createOptions(), metav1.ParameterCodec).Body(object).Do(ctx).Into(stored)
	if err != nil {
		return verdict(err, store.ErrExists, "create", "session", s.Name)
	}
	s.UID, s.Version = string(stored.UID), stored.ResourceVersion
	return nil
}

// Get implements store.Sessions.
func (c sessions) Get(ctx context.Context, realm, name string) (*store.Session, error) {
	object := &v1alpha1.Session{}
	err := c.client.Get().Namespace(realm).Resource(sessionResource).Name(name).Do(ctx).Into(object)
	if err != nil {
		return nil, verdict(err, store.ErrExists, "read", "session", name)
	}
	if object.DeletionTimestamp != nil {
		return nil, store.ErrNotFound
	}
	return session(object), nil
}

// Update implements store.Sessions. A resourceVersion belongs to one object only, so it stands for the UID as well.
func (c sessions) Update(ctx context.Context, s *store.Session) error {
	next := spec(s)
	patch, err := json.Marshal(sessionPatch{version{s.Version}, specPatch{next, next.LastUsedAt, next.IdleTimeout, next.Grants}})
	if err != nil {
		return fmt.Errorf("encode session %q: %w", s.Name, err)
	}
	stored := &v1alpha1.Session{}
	err = c.client.Patch(types.MergePatchType).Namespace(s.Realm).Resource(sessionResource).Name(s.Name).
		VersionedParams(patchOptions(), metav1.ParameterCodec).Body(patch).Do(ctx).Into(stored)
	if err != nil {
		return verdict(err, store.ErrExists, "update", "session", s.Name)
	}
	s.Version = stored.ResourceVersion
	return nil
}

// sessionPatch is a merge patch that leaves nothing out: an empty field is null, which removes what was there.
type sessionPatch struct {
	Metadata version   `json:"metadata"`
	Spec     specPatch `json:"spec"`
}

type specPatch struct {
	v1alpha1.SessionSpec

	LastUsedAt  *metav1.Time            `json:"lastUsedAt"`
	IdleTimeout *metav1.Duration        `json:"idleTimeout"`
	Grants      []v1alpha1.SessionGrant `json:"grants"`
}

// Delete implements store.Sessions.
func (c sessions) Delete(ctx context.Context, realm, name, uid string) error {
	return remove(ctx, c.client, sessionResource, realm, name, uid)
}

// remove deletes the object with a name and a UID. One that is gone, or has another UID, is no error.
func remove(ctx context.Context, client rest.Interface, resource, namespace, name, uid string) error {
	options := &metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(uid)}
	err := client.Delete().Namespace(namespace).Resource(resource).Name(name).Body(options).Do(ctx).Error()
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return fmt.Errorf("delete %s %q: %w", resource, name, err)
}

func spec(s *store.Session) v1alpha1.SessionSpec {
	s = s.Kept()
	spec := v1alpha1.SessionSpec{
		User: s.User, Subject: s.Subject, Method: s.Method, Device: s.Device,
		AuthenticatedAt: metav1.NewTime(s.AuthenticatedAt), LastUsedAt: moment(s.LastUsedAt), ExpiresAt: metav1.NewTime(s.ExpiresAt),
	}
	if s.IdleTimeout > 0 {
		spec.IdleTimeout = &metav1.Duration{Duration: s.IdleTimeout}
	}
	for _, g := range s.Grants {
		spec.Grants = append(spec.Grants, v1alpha1.SessionGrant{
			ID: g.ID, ClientID: g.ClientID, Audience: g.Audience, Scopes: g.Scopes, Generation: g.Generation,
			LastUsedAt: moment(g.LastUsedAt), Revoked: g.Revoked,
		})
	}
	return spec
}

func session(object *v1alpha1.Session) *store.Session {
	spec := &object.Spec
	s := &store.Session{
		Realm: object.Namespace, Name: object.Name, UID: string(object.UID), Version: object.ResourceVersion,
		User: spec.User, Subject: spec.Subject, Method: spec.Method, Device: spec.Device,
		AuthenticatedAt: spec.AuthenticatedAt.Time, LastUsedAt: instant(spec.LastUsedAt), ExpiresAt: spec.ExpiresAt.Time,
	}
	if spec.IdleTimeout != nil {
		s.IdleTimeout = spec.IdleTimeout.Duration
	}
	for _, g := range spec.Grants {
		s.Grants = append(s.Grants, store.Grant{
			ID: g.ID, ClientID: g.ClientID, Audience: g.Audience, Scopes: g.Scopes, Generation: g.Generation,
			LastUsedAt: instant(g.LastUsedAt), Revoked: g.Revoked,
		})
	}
	return s.Kept()
}

// moment is a time as an optional field: nil for zero.
func moment(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t}
}

func instant(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
