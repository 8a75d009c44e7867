// Package apiclient makes plain REST clients of one API group each: a clientset would bring every API into memory.
//
// It owns how such a client is set up and nothing that is done with it. Its invariant: a client knows the kinds it was given and no other.
package apiclient

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Custom makes a client of a group of custom resources, in JSON. add registers its kinds. It does no I/O.
func Custom(base *rest.Config, group schema.GroupVersion, add func(*runtime.Scheme) error) (rest.Interface, error) {
	return newClient(base, group, runtime.ContentTypeJSON, add)
}

// Builtin makes a client for some kinds of a group that Kubernetes brings along, in Protobuf. It does no I/O.
func Builtin(base *rest.Config, group schema.GroupVersion, kinds ...runtime.Object) (rest.Interface, error) {
	return newClient(base, group, runtime.ContentTypeProtobuf, func(s *runtime.Scheme) error {
		s.AddKnownTypes(group, kinds...)
		metav1.AddToGroupVersion(s, group)
		return nil
	})
}

func newClient(base *rest.Config, group schema.GroupVersion, contentType string, add func(*runtime.Scheme) error) (rest.Interface, error) {
	scheme := runtime.NewScheme()
	if err := add(scheme); err != nil {
		return nil, fmt.Errorf("register %s: %w", group, err)
	}
	config := rest.CopyConfig(base)
	config.APIPath, config.GroupVersion = "/apis", &group
	if group.Group == "" {
		config.APIPath = "/api"
	}
	config.ContentType, config.AcceptContentTypes = contentType, contentType+","+runtime.ContentTypeJSON
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	// No limit here: what strangers may cause is bounded before it comes to a request, a limit would delay the start with many realms, and
	// the server has priority and fairness.
	config.QPS = -1
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("make client for %s: %w", group, err)
	}
	return client, nil
}
