// Package execcred speaks kubectl's protocol for credential plugins, client.authentication.k8s.io/v1.
//
// It owns the two documents: what client-go passes in KUBERNETES_EXEC_INFO and the ExecCredential it reads from standard output.
package execcred

import (
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	v1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
)

// InfoVariable is the environment variable that client-go sets for a plugin.
const InfoVariable = "KUBERNETES_EXEC_INFO"

// Interactive reads whether the plugin may use standard input. No info means that a person runs the plugin by hand: she may.
func Interactive(info string) (bool, error) {
	if info == "" {
		return true, nil
	}
	var credential v1.ExecCredential
	if err := json.Unmarshal([]byte(info), &credential); err != nil {
		return false, fmt.Errorf("read %s: it is not JSON", InfoVariable)
	}
	// Versions differ in fields: one that was not asked for would be misread by client-go.
	if want := v1.SchemeGroupVersion.String(); credential.APIVersion != want {
		return false, fmt.Errorf("read %s: kubectl asks for apiVersion %q, but this plugin speaks %s", InfoVariable, credential.APIVersion, want)
	}
	return credential.Spec.Interactive, nil
}

// Render makes the document that hands a token to client-go, which asks again when it expires; a zero time means that the end is
// unknown, and client-go then asks again after the API server's first refusal.
func Render(token string, expires time.Time) ([]byte, error) {
	status := &v1.ExecCredentialStatus{Token: token}
	if !expires.IsZero() {
		at := metav1.NewTime(expires.UTC().Truncate(time.Second))
		status.ExpirationTimestamp = &at
	}
	document, err := json.Marshal(v1.ExecCredential{
		TypeMeta: metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "ExecCredential"},
		Status:   status,
	})
	if err != nil {
		return nil, fmt.Errorf("render credential: %w", err)
	}
	return append(document, '\n'), nil
}
