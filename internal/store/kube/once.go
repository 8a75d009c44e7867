package kube

import (
	"context"
	"fmt"
	"math"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/store"
)

type once struct {
	client rest.Interface
	now    func() time.Time
}

// Use implements store.Once: of all that create the Lease of one name, one succeeds.
func (c once) Use(ctx context.Context, realm, kind, value string, until time.Time) error {
	now := c.now()
	keep, err := store.KeepUntil(until, now)
	if err != nil {
		return err
	}
	lease := &coordinationv1.Lease{
		ObjectMeta: objectMeta(realm, "once-"+store.OnceKey(realm, kind, value), v1alpha1.ComponentOneTime),
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       &kind,
			AcquireTime:          &metav1.MicroTime{Time: now},
			LeaseDurationSeconds: new(int32(math.Ceil(keep.Sub(now).Seconds()))),
		},
	}
	lease.Annotations = map[string]string{v1alpha1.ExpiresAtAnnotation: keep.UTC().Format(time.RFC3339)}
	err = c.client.Post().Namespace(realm).Resource("leases").
		VersionedParams(createOptions(), metav1.ParameterCodec).Body(lease).Do(ctx).Error()
	if err != nil {
		return verdict(err, store.ErrUsed, "create", fmt.Sprintf("%s marker", kind), lease.Name)
	}
	return nil
}
