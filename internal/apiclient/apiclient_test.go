package apiclient_test

import (
	"errors"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/apiclient"
)

func TestPaths(t *testing.T) {
	base := &rest.Config{Host: "https://api.example.com"}
	for want, make := range map[string]func() (rest.Interface, error){
		"/api/v1/things": func() (rest.Interface, error) {
			return apiclient.Builtin(base, corev1.SchemeGroupVersion, &corev1.Secret{})
		},
		"/apis/coordination.k8s.io/v1/things": func() (rest.Interface, error) {
			return apiclient.Builtin(base, coordinationv1.SchemeGroupVersion, &coordinationv1.Lease{})
		},
		"/apis/identity.watchword.io/v1alpha1/things": func() (rest.Interface, error) {
			return apiclient.Custom(base, v1alpha1.GroupVersion, v1alpha1.AddToScheme)
		},
	} {
		client, err := make()
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Get().Resource("things").URL().Path; got != want {
			t.Errorf("path %q; want %q", got, want)
		}
	}
	if base.APIPath != "" || base.GroupVersion != nil || base.QPS != 0 {
		t.Error("the configuration that was given is changed")
	}
}

func TestKindsThatCannotBeRegistered(t *testing.T) {
	broken := errors.New("broken")
	_, err := apiclient.Custom(&rest.Config{}, v1alpha1.GroupVersion, func(*runtime.Scheme) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v; want the one of the registration", err)
	}
}
