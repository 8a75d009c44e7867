package directory

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/apiclient"
)

// Source reads from an API server, and writes there what signing in says about a person's password.
type Source struct {
	identity, core rest.Interface
}

// NewSource makes a Source. It does no I/O.
func NewSource(config *rest.Config) (*Source, error) {
	identity, err := apiclient.Custom(config, v1alpha1.GroupVersion, v1alpha1.AddToScheme)
	if err != nil {
		return nil, err
	}
	core, err := apiclient.Builtin(config, corev1.SchemeGroupVersion, &corev1.Secret{}, &corev1.SecretList{})
	if err != nil {
		return nil, err
	}
	return &Source{identity: identity, core: core}, nil
}

// listWatch lists and watches one kind in one namespace for a reflector. Every object becomes an entry at once.
type listWatch struct {
	client    rest.Interface
	kind      *kind
	namespace string
	fields    fields.Selector
	// heard is called whenever the API server answers or sends something, bookmarks included.
	heard func()
}

// ListWithContext implements cache.ListerWithContext.
func (l *listWatch) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	l.narrow(&options)
	object, err := l.client.Get().Namespace(l.namespace).Resource(l.kind.resource).
		VersionedParams(&options, metav1.ParameterCodec).Do(ctx).Get()
	if err != nil {
		return nil, err
	}
	l.heard()
	return l.shrink(object)
}

// WatchWithContext implements cache.WatcherWithContext.
func (l *listWatch) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.Watch = true
	l.narrow(&options)
	w, err := l.client.Get().Namespace(l.namespace).Resource(l.kind.resource).
		VersionedParams(&options, metav1.ParameterCodec).Watch(ctx)
	if err != nil {
		return nil, err
	}
	return watch.Filter(w, func(event watch.Event) (watch.Event, bool) {
		l.heard()
		switch event.Type {
		case watch.Added, watch.Modified, watch.Deleted:
			if object, ok := event.Object.(Object); ok {
				event.Object = l.kind.entry(object)
			}
		}
		return event, true
	}), nil
}

// List implements cache.Lister.
func (l *listWatch) List(options metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), options)
}

// Watch implements cache.Watcher.
func (l *listWatch) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(context.Background(), options)
}

func (l *listWatch) narrow(options *metav1.ListOptions) {
	options.LabelSelector = l.kind.selector
	if l.fields != nil {
		options.FieldSelector = l.fields.String()
	}
}
