package testenv

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const (
	fieldOwner   = client.FieldOwner("watchword-testenv")
	pollInterval = 50 * time.Millisecond
	pollTimeout  = time.Minute
)

// Apply applies the objects of YAML files as the administrator, server-side, in the order given. Kustomizations are not
// understood: the files must be complete.
func (e *Environment) Apply(ctx context.Context, files ...string) error {
	for _, file := range files {
		objects, err := readObjects(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		for _, object := range objects {
			err := e.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
			if err != nil {
				return fmt.Errorf("apply %s %s of %s: %w", object.GetKind(), object.GetName(), file, err)
			}
		}
	}
	return nil
}

// manifests lists the YAML files of a folder in the order of their names, without its kustomization.
func manifests(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(file string) bool { return filepath.Base(file) == "kustomization.yaml" })
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no manifests in %s", dir)
	}
	return files, nil
}

func readObjects(file string) ([]*unstructured.Unstructured, error) {
	content, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var objects []*unstructured.Unstructured
	for documents := utilyaml.NewYAMLReader(bufio.NewReader(content)); ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(document, &object.Object); err != nil {
			return nil, err
		}
		if len(object.Object) > 0 { // a document of comments only
			objects = append(objects, object)
		}
	}
}

// waitServed returns when every CRD is established and its resources can be listed. The first list of a resource takes
// the API server a second; all of them are done at once here, so that no test has to wait for one.
func (e *Environment) waitServed(ctx context.Context) error {
	clientset, err := kubernetes.NewForConfig(e.RESTConfig())
	if err != nil {
		return err
	}
	var definitions apiextensionsv1.CustomResourceDefinitionList
	err = poll(ctx, "the CRDs to be established", func(ctx context.Context) error {
		if err := e.Client.List(ctx, &definitions); err != nil {
			return err
		}
		for _, definition := range definitions.Items {
			if !established(definition) {
				return fmt.Errorf("%s is not established", definition.Name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, definition := range definitions.Items {
		for _, version := range definition.Spec.Versions {
			if !version.Served {
				continue
			}
			path := []string{"apis", definition.Spec.Group, version.Name, definition.Spec.Names.Plural}
			group.Go(func() error {
				return poll(ctx, definition.Name+" to be served", func(ctx context.Context) error {
					return clientset.RESTClient().Get().AbsPath(path...).Do(ctx).Error()
				})
			})
		}
	}
	return group.Wait()
}

func established(definition apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(definition.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}

// WaitEnforced returns when every ValidatingAdmissionPolicy and binding that exists now is in force, which takes the API
// server a second or so. It adds a policy of its own that refuses one ConfigMap: the API server takes policies over as a
// whole and in order, so when the last one refuses, the earlier ones are in force.
func (e *Environment) WaitEnforced(ctx context.Context) error {
	policy, binding := sentinel()
	for _, object := range []client.Object{policy, binding} {
		if err := e.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create the policy that is waited for: %w", err)
		}
	}
	err := poll(ctx, "the admission policies to be enforced", func(ctx context.Context) error {
		refused := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: policy.Name}}
		err := e.Client.Create(ctx, refused, client.DryRunAll)
		switch {
		case apierrors.IsInvalid(err):
			return nil
		case err == nil:
			return errors.New("a policy is not enforced yet")
		default:
			return err
		}
	})
	return errors.Join(err, e.Client.Delete(ctx, binding), e.Client.Delete(ctx, policy))
}

// sentinel has a name of its own each time, so that tests can wait side by side.
func sentinel() (*admissionv1.ValidatingAdmissionPolicy, *admissionv1.ValidatingAdmissionPolicyBinding) {
	name := "watchword-testenv-sentinel-" + rand.String(8)
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				ResourceNames: []string{name},
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "the policies are in force"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	return policy, binding
}

// poll calls check until it succeeds; the error of the last try explains a time-out.
func poll(ctx context.Context, what string, check func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, pollInterval, pollTimeout, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w, last: %w", what, err, last)
	}
	return nil
}
