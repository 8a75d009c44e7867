package execcred_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/pkg/apis/clientauthentication/install"

	"github.com/watchword-io/watchword/internal/kubelogin/execcred"
)

// TestRender reads the document as client-go does: strictly, and by its scheme.
func TestRender(t *testing.T) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(clientauthentication.SchemeGroupVersion)
	end := time.Date(2026, 11, 23, 18, 0, 0, 999, time.FixedZone("", 3600))
	for name, expires := range map[string]time.Time{"with an end": end, "without": {}} {
		document, err := execcred.Render("TOKEN", expires)
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: client-go cannot read %s: %v", name, document, err)
		}
		status := object.(*clientauthentication.ExecCredential).Status
		if status.Token != "TOKEN" {
			t.Errorf("%s: the token is %q", name, status.Token)
		}
		switch at := status.ExpirationTimestamp; {
		case expires.IsZero() && at != nil:
			t.Errorf("an unknown end became %s", at)
		case !expires.IsZero() && (at == nil || !at.Time.Equal(end.Truncate(time.Second))):
			t.Errorf("the end is %v, want %s", at, end)
		}
	}
}

func TestInteractive(t *testing.T) {
	tests := map[string]struct {
		info string
		want bool
		err  string
	}{
		"by hand":         {"", true, ""},
		"interactive":     {`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":true}}`, true, ""},
		"not interactive": {`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`, false, ""},
		"another version": {`{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"}`, false, "v1beta1"},
		"junk":            {"junk-secret", false, "is not JSON"},
	}
	for name, test := range tests {
		got, err := execcred.Interactive(test.info)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}
