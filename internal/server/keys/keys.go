// Package keys serves a realm's key set (RFC 7517), from memory and with the cache time that key rotation counts on.
//
// The set itself is rendered by internal/token when the ring changes. The one rule kept here: a key set always carries max-age,
// because without it kube-apiserver fetches the set again for every forged token.
package keys

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/httpx"
)

// Endpoint serves the key sets of all realms. It is safe for concurrent use.
type Endpoint struct {
	// headers holds the last headers of each namespace.
	headers sync.Map
}

type headers struct {
	realm        *directory.Realm
	cacheControl []string
	contentType  []string
	anyOrigin    []string
}

// New makes the endpoint.
func New() *Endpoint { return &Endpoint{} }

// Serve answers a GET. Without a key it is 503: an empty set would be cached, and every token refused for its max-age.
func (e *Endpoint) Serve(w http.ResponseWriter, _ *http.Request, realm *directory.Realm, _ string) error {
	if len(realm.KeySet) == 0 {
		return oauth2.Unavailable("no_keys", time.Second)
	}
	made := e.headersFor(realm)
	h := w.Header()
	h["Cache-Control"] = made.cacheControl
	h["Content-Type"] = made.contentType
	h["Access-Control-Allow-Origin"] = made.anyOrigin
	httpx.Write(w, http.StatusOK, realm.KeySet)
	return nil
}

func (e *Endpoint) headersFor(realm *directory.Realm) *headers {
	if last, ok := e.headers.Load(realm.Namespace); ok {
		if made, ok := last.(*headers); ok && made.realm == realm {
			return made
		}
	}
	maxAge := int(realm.Spec.Signing.KeysMaxAge.Duration / time.Second)
	made := &headers{
		realm:        realm,
		cacheControl: []string{"public, max-age=" + strconv.Itoa(maxAge)},
		contentType:  []string{"application/jwk-set+json"},
		anyOrigin:    []string{"*"},
	}
	e.headers.Store(realm.Namespace, made)
	return made
}
