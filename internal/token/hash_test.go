package token_test

import (
	"testing"

	"github.com/watchword-io/watchword/internal/token"
)

// The first pair is that of OIDC Core appendix A.4: access token and at_hash.
func TestHalfHash(t *testing.T) {
	const access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	for algorithm, want := range map[string]string{
		"RS256": "77QmUPtjPfzWtF2AnpK9RQ", "PS256": "77QmUPtjPfzWtF2AnpK9RQ", "ES256": "77QmUPtjPfzWtF2AnpK9RQ",
	} {
		if got := token.HalfHash(algorithm, access); got != want {
			t.Errorf("HalfHash(%s) = %s; want %s", algorithm, got, want)
		}
	}
	if got := token.HalfHash("ES384", access); len(got) != 32 || got[:22] == "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("HalfHash(ES384) = %s; want 24 bytes of SHA-384", got)
	}
}
