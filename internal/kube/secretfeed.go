package kube

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// SecretEvent says that a Secret was made, changed or deleted.
type SecretEvent struct {
	// Secret is its metadata; nil when changes may have been missed, and every Secret of the namespace is to be looked at again.
	Secret *metav1.PartialObjectMetadata
	// Namespace of the Secret.
	Namespace string
}

// SecretFeed watches the metadata of the Secrets in the realm namespaces, and keeps none of it. It runs on the leader only, as a
// runnable of the manager. What a Secret holds is read live when it is needed, and never cached.
type SecretFeed struct {
	feed *feed
	hub  hub[SecretEvent]

	mu    sync.Mutex
	quiet map[string]bool // namespaces whose first list is not complete, or that are being listed again
	known map[string]bool // namespaces that were listed once
}

// NewSecretFeed makes a feed of the Secrets in these namespaces.
func NewSecretFeed(c client.WithWatch, namespaces []string) *SecretFeed {
	f := &SecretFeed{quiet: map[string]bool{}, known: map[string]bool{}}
	f.feed = newFeed(c, namespaces, func() client.ObjectList {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
		return list
	}, f)
	return f
}

// Start implements manager.Runnable.
func (f *SecretFeed) Start(ctx context.Context) error { return f.feed.run(ctx) }

// Source makes the events that concern a controller into its requests.
func (f *SecretFeed) Source(requests func(SecretEvent) []reconcile.Request) source.SyncingSource {
	return feedSource{
		start: func(ctx context.Context, q queue) error {
			f.hub.subscribe(ctx, func(e SecretEvent) { enqueue(q, e.Secret == nil, requests(e)) })
			return nil
		},
		wait: f.feed.wait,
	}
}

// begin silences the namespace: the first list tells nothing new, because every owner is reconciled at start anyway, and a later one is
// summed up in a single event.
func (f *SecretFeed) begin(namespace string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.quiet[namespace] = true
}

func (f *SecretFeed) set(obj client.Object) {
	f.mu.Lock()
	quiet := f.quiet[obj.GetNamespace()]
	f.mu.Unlock()
	if !quiet {
		f.hub.publish(SecretEvent{Secret: obj.(*metav1.PartialObjectMetadata), Namespace: obj.GetNamespace()})
	}
}

func (f *SecretFeed) gone(obj client.Object) { f.set(obj) }

func (f *SecretFeed) end(namespace string) {
	f.mu.Lock()
	again := f.known[namespace]
	f.known[namespace], f.quiet[namespace] = true, false
	f.mu.Unlock()
	if again {
		f.hub.publish(SecretEvent{Namespace: namespace})
	}
}
