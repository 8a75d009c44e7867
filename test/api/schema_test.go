package api_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/watchword-io/watchword/test/controlplane"
)

// definitions are the generated CRDs by kind.
func definitions(t *testing.T) map[string]apiextensionsv1.JSONSchemaProps {
	t.Helper()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "config", "crd", "bases", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	byKind := map[string]apiextensionsv1.JSONSchemaProps{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(content, &definition); err != nil {
			t.Fatalf("read %s: %v", file, err)
		}
		byKind[definition.Spec.Names.Kind] = *definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return byKind
}

// walk visits a schema and everything in it; path ends in the field's name, or in [] for the items of a list.
func walk(path []string, schema apiextensionsv1.JSONSchemaProps, visit func(path []string, schema apiextensionsv1.JSONSchemaProps)) {
	visit(path, schema)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		walk(append(slices.Clip(path), name), schema.Properties[name], visit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(append(slices.Clip(path), "[]"), *schema.Items.Schema, visit)
	}
}

func TestRulesAreTested(t *testing.T) {
	cases := map[string][]change{}
	for _, table := range tables() {
		cases[table.kind] = slices.Collect(maps.Values(table.cases))
	}
	for kind, schema := range definitions(t) {
		walk([]string{kind}, schema, func(path []string, schema apiextensionsv1.JSONSchemaProps) {
			for _, rule := range schema.XValidations {
				tested := slices.ContainsFunc(cases[kind], func(c change) bool {
					return c.refused != "" && strings.Contains(rule.Message, c.refused)
				})
				if rule.Message == "" || !tested {
					t.Errorf("%s: no case sees the rule %q refuse with %q", strings.Join(path, "."), rule.Rule, rule.Message)
				}
			}
		})
	}
}

func TestFieldsAreDescribed(t *testing.T) {
	for kind, schema := range definitions(t) {
		for _, part := range []string{"spec", "status"} {
			if _, found := schema.Properties[part]; !found && kind == "Session" && part == "status" {
				continue // it has none, and says why
			}
			walk([]string{kind, part}, schema.Properties[part], func(path []string, schema apiextensionsv1.JSONSchemaProps) {
				field := path[len(path)-1]
				if field != "[]" && !strings.HasPrefix(schema.Description, field+" ") && !strings.HasPrefix(schema.Description, "A ") {
					t.Errorf("%s is described by %q, want a sentence that begins with %q", strings.Join(path, "."), schema.Description, field)
				}
			})
		}
	}
}

func TestSpecsAreBounded(t *testing.T) {
	for kind, schema := range definitions(t) {
		walk([]string{kind, "spec"}, schema.Properties["spec"], func(path []string, schema apiextensionsv1.JSONSchemaProps) {
			// Label selectors are Kubernetes' own type, and read by Kubernetes' own code.
			if slices.ContainsFunc(path, func(p string) bool { return p == "matchExpressions" || p == "matchLabels" }) {
				return
			}
			name := strings.Join(path, ".")
			switch schema.Type {
			case "string":
				if schema.MaxLength == nil && len(schema.Enum) == 0 && schema.Format != "date-time" {
					t.Errorf("%s is a text without a bound", name)
				}
			case "array":
				if schema.MaxItems == nil {
					t.Errorf("%s is a list without a bound", name)
				}
				if schema.XListType == nil {
					t.Errorf("%s is a list without a type: server-side apply would replace it whole", name)
				}
			}
		})
	}
}
