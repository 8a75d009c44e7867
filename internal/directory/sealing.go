package directory

import (
	"cmp"
	"crypto"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/token"
)

// Signing is a key that may sign now.
type Signing struct {
	*token.Signer
	// Longest is the longest lifetime that a token may have: relying parties are promised the key that long. Zero: no bound.
	Longest time.Duration
}

// Signing returns the active key of an algorithm; empty means the realm's. It is false while this replica holds none.
func (r *Realm) Signing(algorithm string, now time.Time) (Signing, bool) {
	key, ok := r.Ring.Active(cmp.Or(algorithm, string(r.Spec.Signing.Algorithm), string(v1alpha1.ES256)), now)
	if !ok {
		return Signing{}, false
	}
	signer, ok := r.signers[key.ID]
	return Signing{Signer: signer, Longest: key.LongestToken}, ok
}

// Box returns what seals with the key that is active now and opens what any key of the realm has sealed. It is false while this replica
// holds no active key.
func (r *Realm) Box(now time.Time) (*seal.Box, bool) {
	active, ok := r.Ring.Active(keyring.A256GCM, now)
	if !ok {
		return nil, false
	}
	keys := r.Ring.Keys(keyring.A256GCM)
	all := make([]seal.Key, len(keys))
	for i, key := range keys {
		all[i] = seal.Key{ID: key.ID, Secret: key.Symmetric}
	}
	box, err := seal.New(string(r.UID), seal.Key{ID: active.ID, Secret: active.Symmetric}, all)
	return box, err == nil // the ring holds only keys that were checked when they were read
}

// Verify reads a token that this realm has issued and still publishes the key of: token.ErrNotOurs for anything else. Expiry and
// audience are the caller's to judge.
func (r *Realm) Verify(compact string, typ token.Type) (*token.Claims, error) {
	return token.Verify(compact, typ, r.Issuer, func(keyID, algorithm string) crypto.PublicKey {
		for _, key := range r.Ring.Published() {
			if key.ID == keyID && key.Algorithm == algorithm {
				return key.Private.Public()
			}
		}
		return nil
	})
}
