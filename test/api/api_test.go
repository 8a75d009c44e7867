// Package api_test holds the schemas of api/v1alpha1 to account on a real kube-apiserver: every rule, bound, default and
// immutable field, both ways.
//
// It owns the tables, one file per kind, and the proof that they are complete: a CEL rule that no table sees refused fails
// TestRulesAreTested. Who may write what is left to test/admission. Its one invariant: nothing here is judged by our own
// code, only by the API server.
package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/testenv"
)

// change is one write. Specs are YAML and merge into the kind's valid base as RFC 7386 says: null removes.
type change struct {
	// spec differs from the base's when the object is created.
	spec string
	// update differs from what was created. Empty: the object is only created.
	update string
	// refused is what the API server must say to the last write. Empty: it must accept it.
	refused string
}

// table is every case of one kind.
type table struct {
	kind string
	base string
	// cases by what they try.
	cases map[string]change
}

func tables() []table {
	return []table{realms(), users(), roles(), accessRules(), clientApplications(), sessions()}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	e := testenv.StartT(t, testenv.Options{})
	for _, table := range tables() {
		t.Run(table.kind, func(t *testing.T) {
			namespace, err := e.CreateNamespace(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range slices.Sorted(maps.Keys(table.cases)) {
				t.Run(name, func(t *testing.T) {
					table.cases[name].check(t, e.Client, table.object(t, namespace, fmt.Sprintf("case-%d", i)))
				})
			}
		})
	}
	t.Run("defaults", func(t *testing.T) { checkDefaults(t, e) })
	t.Run("kubectl", func(t *testing.T) { checkKubectl(t, e) })
	t.Run("status", func(t *testing.T) { checkStatus(t, e) })
}

func (c change) check(t *testing.T, api client.Client, object *unstructured.Unstructured) {
	t.Helper()
	object.Object["spec"] = merge(object.Object["spec"], parse(t, c.spec))
	err := api.Create(t.Context(), object)
	if c.update != "" {
		if err != nil {
			t.Fatalf("create the object that is to be updated: %v", err)
		}
		patch, marshalErr := json.Marshal(map[string]any{"spec": parse(t, c.update)})
		if marshalErr != nil {
			t.Fatal(marshalErr)
		}
		err = api.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, patch))
	}
	switch {
	case c.refused == "" && err != nil:
		t.Errorf("the API server refuses it: %v", err)
	case c.refused != "" && err == nil:
		t.Errorf("the API server accepts it, want a refusal with %q", c.refused)
	case c.refused != "" && !strings.Contains(err.Error(), c.refused):
		t.Errorf("the API server says %q, want a refusal with %q", err, c.refused)
	}
}

func (tt table) object(t *testing.T, namespace, name string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": parse(t, tt.base)}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(tt.kind))
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// parse reads YAML to what encoding/json would make of it.
func parse(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return value
}

// merge is a JSON merge patch (RFC 7386 section 2) of values that encoding/json made.
func merge(target, patch any) any {
	changes, isObject := patch.(map[string]any)
	if !isObject {
		if patch == nil {
			return target
		}
		return patch
	}
	merged := map[string]any{}
	if object, ok := target.(map[string]any); ok {
		maps.Copy(merged, object)
	}
	for key, value := range changes {
		if value == nil {
			delete(merged, key)
			continue
		}
		merged[key] = merge(merged[key], value)
	}
	return merged
}

// list renders n distinct items as a YAML list; format takes the item's number.
func list(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func letters(n int) string { return strings.Repeat("a", n) }

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}
