package clientauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/validate"
)

// maxPublished is how many keys are read of a set that somebody publishes for all the world.
const maxPublished = 100

// load asks a source for its keys, nil if there are none to be had. What goes wrong is for the administrator, in the log; clients are told
// to come again.
func (a *Authenticator) load(ctx context.Context, s source) *keySet {
	set, err := a.ask(ctx, s)
	if err != nil {
		a.Log.Info("keys for client assertions cannot be fetched", "address", s.at.URL, "cause", err.Error())
		return nil
	}
	return set
}

func (a *Authenticator) ask(ctx context.Context, s source) (*keySet, error) {
	switch s.kind {
	case fromCluster:
		ctx, cancel := context.WithTimeout(ctx, reviewLimit)
		defer cancel()
		issuer, document, err := a.Cluster.Keys(ctx)
		switch {
		case err != nil:
			return nil, err
		case issuer == "":
			return nil, errors.New("the API server names no issuer of ServiceAccount tokens")
		}
		keys, err := published(document)
		return &keySet{issuer, keys}, err
	case fromIssuer:
		address, err := a.discover(ctx, s.at)
		if err != nil {
			return nil, err
		}
		keys, err := a.fetchKeys(ctx, directory.Remote{URL: address, CABundle: s.at.CABundle})
		return &keySet{s.at.URL, keys}, err
	}
	keys, err := a.fetchKeys(ctx, s.at)
	return &keySet{keys: keys}, err
}

// discover finds the key set of an issuer (OpenID Connect Discovery 1.0 section 4). The metadata must be the issuer's own, byte for byte.
func (a *Authenticator) discover(ctx context.Context, issuer directory.Remote) (string, error) {
	document, err := a.get(ctx, directory.Remote{
		URL: strings.TrimSuffix(issuer.URL, "/") + "/.well-known/openid-configuration", CABundle: issuer.CABundle,
	})
	if err != nil {
		return "", err
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		KeysURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(document, &metadata); err != nil {
		return "", errors.New("the issuer's metadata are not JSON")
	}
	if metadata.Issuer != issuer.URL {
		return "", errors.New("the issuer's metadata are another issuer's")
	}
	return metadata.KeysURI, nil
}

func (a *Authenticator) fetchKeys(ctx context.Context, at directory.Remote) ([]jose.JSONWebKey, error) {
	document, err := a.get(ctx, at)
	if err != nil {
		return nil, err
	}
	return published(document)
}

func (a *Authenticator) get(ctx context.Context, at directory.Remote) ([]byte, error) {
	roots, ok := validate.Authorities(at.CABundle)
	if !ok {
		return nil, errors.New("the CA bundle has no certificate")
	}
	return a.Fetch.Get(ctx, at.URL, roots)
}

// published reads a key set that is not only for us: keys of other kinds and purposes are passed over. One that gives a private key away
// is not believed at all.
func published(document []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, errors.New("the key set is not JSON")
	}
	if len(set.Keys) > maxPublished {
		return nil, fmt.Errorf("the key set has %d keys, more than %d", len(set.Keys), maxPublished)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		key, err := validate.ClientKey(raw)
		switch {
		case errors.Is(err, validate.ErrPrivateKey):
			return nil, fmt.Errorf("the key set %w", err)
		case err == nil:
			keys = append(keys, *key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key that can verify an assertion")
	}
	return keys, nil
}
