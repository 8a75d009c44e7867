package admission_test

import (
	"context"
	"encoding/json"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	apitypes "k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// writes are the ways to bring a changed spec to the API server. Each takes an object as it should be.
var writes = map[string]func(context.Context, client.Client, client.Object) error{
	"an update": func(ctx context.Context, api client.Client, object client.Object) error {
		stored := object.DeepCopyObject().(client.Object)
		if err := env.Client.Get(ctx, client.ObjectKeyFromObject(object), stored); err != nil {
			return err
		}
		object.SetResourceVersion(stored.GetResourceVersion())
		return api.Update(ctx, object)
	},
	"a merge patch": func(ctx context.Context, api client.Client, object client.Object) error {
		patch, err := json.Marshal(map[string]any{"spec": spec(object)})
		if err != nil {
			return err
		}
		return api.Patch(ctx, object, client.RawPatch(apitypes.MergePatchType, patch))
	},
	"a JSON patch": func(ctx context.Context, api client.Client, object client.Object) error {
		patch, err := json.Marshal([]map[string]any{{"op": "add", "path": "/spec", "value": spec(object)}})
		if err != nil {
			return err
		}
		return api.Patch(ctx, object, client.RawPatch(apitypes.JSONPatchType, patch))
	},
	"server-side apply": func(ctx context.Context, api client.Client, object client.Object) error {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		if err != nil {
			return err
		}
		applied := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": content["apiVersion"], "kind": content["kind"], "spec": content["spec"],
			"metadata": map[string]any{"namespace": object.GetNamespace(), "name": object.GetName()},
		}}
		return api.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("author"), client.ForceOwnership)
	},
}

func spec(object client.Object) any {
	GinkgoHelper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	return content["spec"]
}

// beForbidden matches a 403 of a policy whose message has the text.
func beForbidden(text string) types.GomegaMatcher { return refusal{apierrors.IsForbidden, text} }

// beInvalid matches a 422 of a policy whose message has the text.
func beInvalid(text string) types.GomegaMatcher { return refusal{apierrors.IsInvalid, text} }

type refusal struct {
	reason func(error) bool
	text   string
}

func (r refusal) Match(actual any) (bool, error) {
	err, _ := actual.(error)
	return err != nil && r.reason(err) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'watchword-") &&
		strings.Contains(err.Error(), r.text), nil
}

func (r refusal) FailureMessage(actual any) string {
	return format.Message(actual, "to be a refusal by a policy that says", r.text)
}

func (r refusal) NegatedFailureMessage(actual any) string {
	return format.Message(actual, "not to be a refusal by a policy that says", r.text)
}
