// Package validation judges an AuthenticationConfiguration with kube-apiserver's own code: the same strict decoding, the same
// validation, the same CEL compiler.
//
// It owns no rule of its own; what Watchword adds is in package authnconfig, which renders. The two are apart because this one links a
// good part of k8s.io/apiserver: only kubectl-watchword, the agent and tests may import it, never the token service. Its one
// invariant: a document that Document accepts is one that a kube-apiserver of this module's Kubernetes version starts with.
package validation

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	apiservervalidation "k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/authentication/cel"
)

// Document returns nil if kube-apiserver would start with the document as its --authentication-config. disallowedIssuers are the
// URLs that it refuses besides: those of its --service-account-issuer flags, as far as they are known.
func Document(document []byte, disallowedIssuers ...string) error {
	if len(document) == 0 {
		return errors.New("authentication configuration is empty")
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	decoded, err := runtime.Decode(codecs.UniversalDecoder(), document)
	if err != nil {
		return fmt.Errorf("decode authentication configuration: %w", err)
	}
	configuration, ok := decoded.(*apiserver.AuthenticationConfiguration)
	if !ok {
		return fmt.Errorf("decode authentication configuration: it is a %T", decoded)
	}
	problems := apiservervalidation.ValidateAuthenticationConfiguration(cel.NewDefaultCompiler(), configuration, disallowedIssuers)
	if err := problems.ToAggregate(); err != nil {
		return fmt.Errorf("validate authentication configuration: %w", err)
	}
	return nil
}
