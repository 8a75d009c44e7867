package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/store"
)

const (
	deviceResource = "configmaps"
	devicePrefix   = "device-"
	// recountAfter is how many requests are added between two counts, and so how far each replica may exceed the bound.
	recountAfter = 25
	// recountEvery is how old a count may be, and recountFull how old one that refuses everybody.
	recountEvery = 10 * time.Second
	recountFull  = time.Second
)

// devices keeps requests as ConfigMaps and an estimate of their number, so that strangers cannot make it list them at each request.
type devices struct {
	client rest.Interface
	now    func() time.Time

	mu     sync.Mutex
	census map[string]*census // by realm
}

// census is how many requests of a realm are pending.
type census struct {
	pending, added int
	at             time.Time
}

// Create implements store.Devices.
func (c *devices) Create(ctx context.Context, r *store.DeviceRequest) error {
	if err := c.admit(ctx, r.Realm); err != nil {
		return err
	}
	object := &corev1.ConfigMap{ObjectMeta: objectMeta(r.Realm, devicePrefix+r.Key, v1alpha1.ComponentDeviceAuthorization), Data: data(r)}
	object.Annotations = map[string]string{v1alpha1.ExpiresAtAnnotation: r.Kept().ExpiresAt.Format(time.RFC3339)}
	stored := &corev1.ConfigMap{}
	err := c.client.Post().Namespace(r.Realm).Resource(deviceResource).
		VersionedParams(createOptions(), metav1.ParameterCodec).Body(object).Do(ctx).Into(stored)
	if err != nil {
		return verdict(err, store.ErrExists, "create", "device authorization", object.Name)
	}
	r.UID, r.Version = string(stored.UID), stored.ResourceVersion
	return nil
}

// admit counts one more request, or says that the realm is full.
func (c *devices) admit(ctx context.Context, realm string) error {
	if c.stale(realm) {
		pending, err := c.count(ctx, realm)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.census[realm] = &census{pending: pending, at: c.now()}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.census[realm]
	if known.pending >= store.MaxDevices {
		return store.ErrFull
	}
	known.pending++
	known.added++
	return nil
}

func (c *devices) stale(realm string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.census[realm]
	if known == nil {
		return true
	}
	age := c.now().Sub(known.at).Abs()
	if known.pending >= store.MaxDevices {
		return age >= recountFull
	}
	return known.added >= recountAfter || age >= recountEvery
}

// count lists the requests of a realm that have not expired. The API server answers from memory.
func (c *devices) count(ctx context.Context, realm string) (int, error) {
	list := &corev1.ConfigMapList{}
	selector := labels.SelectorFromSet(labels.Set{v1alpha1.ComponentLabel: v1alpha1.ComponentDeviceAuthorization})
	err := c.client.Get().Namespace(realm).Resource(deviceResource).
		VersionedParams(&metav1.ListOptions{LabelSelector: selector.String()}, metav1.ParameterCodec).Do(ctx).Into(list)
	if err != nil {
		return 0, fmt.Errorf("count device authorizations: %w", err)
	}
	pending, now := 0, c.now()
	for i := range list.Items {
		if end, err := time.Parse(time.RFC3339, list.Items[i].Annotations[v1alpha1.ExpiresAtAnnotation]); err == nil && now.Before(end) {
			pending++
		}
	}
	return pending, nil
}

// Get implements store.Devices. A ConfigMap of that name without the label is somebody else's.
func (c *devices) Get(ctx context.Context, realm, key string) (*store.DeviceRequest, error) {
	object := &corev1.ConfigMap{}
	err := c.client.Get().Namespace(realm).Resource(deviceResource).Name(devicePrefix + key).Do(ctx).Into(object)
	if err != nil {
		return nil, verdict(err, store.ErrExists, "read", "device authorization", devicePrefix+key)
	}
	if object.DeletionTimestamp != nil || object.Labels[v1alpha1.ComponentLabel] != v1alpha1.ComponentDeviceAuthorization {
		return nil, store.ErrNotFound
	}
	return request(object)
}

// Update implements store.Devices.
func (c *devices) Update(ctx context.Context, r *store.DeviceRequest) error {
	patch, err := json.Marshal(struct {
		Metadata version           `json:"metadata"`
		Data     map[string]string `json:"data"`
	}{version{r.Version}, data(r)})
	if err != nil {
		return fmt.Errorf("encode device authorization: %w", err)
	}
	stored := &corev1.ConfigMap{}
	err = c.client.Patch(types.MergePatchType).Namespace(r.Realm).Resource(deviceResource).Name(devicePrefix+r.Key).
		VersionedParams(patchOptions(), metav1.ParameterCodec).Body(patch).Do(ctx).Into(stored)
	if err != nil {
		return verdict(err, store.ErrExists, "update", "device authorization", devicePrefix+r.Key)
	}
	r.Version = stored.ResourceVersion
	return nil
}

// Delete implements store.Devices.
func (c *devices) Delete(ctx context.Context, realm, key, uid string) error {
	return remove(ctx, c.client, deviceResource, realm, devicePrefix+key, uid)
}

// Keys of a request's ConfigMap.
const (
	keyGrant      = "grant"
	keyClient     = "client_id"
	keyAudience   = "audience"
	keyScope      = "scope"
	keyInterval   = "interval"
	keyExpiresAt  = "expires_at"
	keySession    = "session"
	keySessionUID = "session_uid"
	keyDenied     = "denied"
)

// data has every key, so that a merge patch with it replaces everything.
func data(r *store.DeviceRequest) map[string]string {
	r = r.Kept()
	denied := ""
	if r.Denied {
		denied = "true"
	}
	return map[string]string{
		keyGrant: r.GrantID, keyClient: r.ClientID, keyAudience: r.Audience, keyScope: strings.Join(r.Scopes, " "),
		keyInterval: r.Interval.String(), keyExpiresAt: r.ExpiresAt.Format(time.RFC3339),
		keySession: r.Session.Name, keySessionUID: r.Session.UID, keyDenied: denied,
	}
}

func request(object *corev1.ConfigMap) (*store.DeviceRequest, error) {
	values := object.Data
	r := &store.DeviceRequest{
		Realm: object.Namespace, Key: strings.TrimPrefix(object.Name, devicePrefix), UID: string(object.UID), Version: object.ResourceVersion,
		GrantID: values[keyGrant], ClientID: values[keyClient], Audience: values[keyAudience], Scopes: strings.Fields(values[keyScope]),
		Session: store.Ref{Name: values[keySession], UID: values[keySessionUID]}, Denied: values[keyDenied] != "",
	}
	var err error
	if r.Interval, err = time.ParseDuration(values[keyInterval]); err != nil {
		return nil, fmt.Errorf("read device authorization %q: interval is no duration", object.Name)
	}
	if r.ExpiresAt, err = time.Parse(time.RFC3339, values[keyExpiresAt]); err != nil {
		return nil, fmt.Errorf("read device authorization %q: expires_at is no time", object.Name)
	}
	return r.Kept(), nil
}
