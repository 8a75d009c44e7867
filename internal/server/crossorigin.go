package server

import (
	"net/http"
	"strings"

	"github.com/watchword-io/watchword/internal/directory"
)

// anyOrigin lets scripts of every origin read an endpoint's answers, as single-page applications must (Fetch section 3.2). It is for
// endpoints that look at no cookie: such a script then gets nothing that it could not get from a computer of its own.
func anyOrigin(e *endpoint) *endpoint {
	origin := []string{"*"}
	exposed := []string{"Retry-After, WWW-Authenticate, X-Request-Id"}
	preflight := map[string][]string{
		"Access-Control-Allow-Methods": {strings.Join(e.methods, ", ")},
		"Access-Control-Allow-Headers": {"Authorization, Content-Type"},
		"Access-Control-Max-Age":       {"7200"},
	}
	return &endpoint{append([]string{http.MethodOptions}, e.methods...), func(
		w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string,
	) error {
		h := w.Header()
		h["Access-Control-Allow-Origin"] = origin
		if r.Method != http.MethodOptions {
			h["Access-Control-Expose-Headers"] = exposed
			return e.serve(w, r, realm, requestID)
		}
		for name, value := range preflight {
			h[name] = value
		}
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}}
}
