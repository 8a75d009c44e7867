package token

import (
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// KeySet renders a JSON Web Key Set (RFC 7517 section 5). It fails, rather than leaving it out or letting it through, on a key that
// is private, invalid, or without kid, alg or use: publishing half a set would break every relying party, publishing a private
// key would end the realm.
func KeySet(keys []jose.JSONWebKey) ([]byte, error) {
	set := jose.JSONWebKeySet{Keys: make([]jose.JSONWebKey, 0, len(keys))}
	for _, key := range keys {
		switch {
		case !key.IsPublic() || !key.Valid():
			return nil, fmt.Errorf("key %q is not a valid public key", key.KeyID)
		case key.KeyID == "" || key.Algorithm == "" || key.Use != "sig":
			return nil, fmt.Errorf("key %q lacks kid, alg or use", key.KeyID)
		}
		set.Keys = append(set.Keys, key)
	}
	rendered, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("marshal key set: %w", err)
	}
	return rendered, nil
}
