package grants

import (
	"context"

	"github.com/watchword-io/watchword/internal/server/claims"
)

// clientCredentials is the grant of RFC 6749 section 4.4: the client asks for a token for itself, which authenticating it has
// proved already. There is no refresh token (section 4.4.3) and no ID token.
type clientCredentials struct{}

func (clientCredentials) subject(_ context.Context, r *request) (*subject, error) {
	r.record.Actor = r.client.Username
	return &subject{authTime: r.now}, nil
}

func (clientCredentials) offered(scope string) bool { return claims.OfApplication(scope) }
