package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// found is a realm with the bundle that its certificate chains to; no bundle means the roots of the API server's host.
type found struct {
	realm *v1alpha1.Realm
	ca    []byte
}

// fileSource reads realms from manifests.
type fileSource struct {
	files     []string
	namespace string // of realms that name none
}

// read returns the realms that names name, or all. Objects of other kinds are passed over, so that a whole manifest can be given.
func (s fileSource) read(names []string, ca []byte, std streams) ([]found, error) {
	var all []found
	for _, file := range s.files {
		content, err := readFile(file, std.in)
		if err != nil {
			return nil, hint(err, "-f takes manifests with Realm objects; - is standard input")
		}
		realms, err := decodeRealms(content)
		if err != nil {
			return nil, hint(fmt.Errorf("read %s: %w", file, err), "correct the file; kubectl explain realm.spec tells the fields")
		}
		for _, realm := range realms {
			if realm.Namespace == "" {
				realm.Namespace = s.namespace
			}
			if len(names) > 0 && !slices.Contains(names, realm.Name) && !slices.Contains(names, realm.Namespace+"/"+realm.Name) {
				continue
			}
			if err := s.check(realm, ca); err != nil {
				return nil, err
			}
			all = append(all, found{realm: realm, ca: ca})
		}
	}
	if len(all) == 0 {
		return nil, hint(fmt.Errorf("found no such realm in %s", strings.Join(s.files, ", ")),
			"give a file with an object of kind Realm, and its name")
	}
	return all, nil
}

// check asks for what a file does not say and a cluster would.
func (s fileSource) check(realm *v1alpha1.Realm, ca []byte) error {
	if realm.Namespace == "" {
		return hint(fmt.Errorf("realm %q names no namespace, and its prefixes come from it", realm.Name), "say which one with -n")
	}
	if ca == nil && realm.Spec.Serving.CertificateSecretRef == nil {
		return hint(fmt.Errorf("realm %q is served with a certificate authority of its own, and a file does not hold that", realm.Name),
			`kubectl get configmap %s -n %s -o jsonpath='{.data.ca\.crt}' > ca.crt, then add --ca-file ca.crt`, caName(realm), realm.Namespace)
	}
	return nil
}

// decodeRealms is strict: a misspelt prefix that silently became the default one would rename every user of the cluster.
func decodeRealms(content []byte) ([]*v1alpha1.Realm, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var realms []*v1alpha1.Realm
	for reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content))); ; {
		manifest, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return realms, nil
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(manifest)) == 0 {
			continue
		}
		object, _, err := decoder.Decode(manifest, nil, nil)
		switch {
		case runtime.IsNotRegisteredError(err):
		case err != nil:
			return nil, err
		default:
			if realm, ok := object.(*v1alpha1.Realm); ok {
				realms = append(realms, realm)
			}
		}
	}
}
