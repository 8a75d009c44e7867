package server

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/httpx"
)

// endpoint serves one path of every realm.
type endpoint struct {
	// methods that are served; HEAD comes with GET.
	methods []string
	// serve answers, or returns the error to answer with as JSON.
	serve func(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error
}

func (e *endpoint) allows(method string) bool {
	return slices.Contains(e.methods, method) || method == http.MethodHead && slices.Contains(e.methods, http.MethodGet)
}

func (e *endpoint) allow() string {
	allowed := strings.Join(e.methods, ", ")
	if slices.Contains(e.methods, http.MethodGet) {
		allowed += ", " + http.MethodHead
	}
	return allowed
}

// router finds realm and endpoint of a request in two map lookups. Its table is made anew when the realms change.
type router struct {
	directory *directory.Directory
	// endpoints are by path below the issuer; rooted ones have a path above it too, that of their name in RFC 8414 section 3.
	endpoints, rooted map[string]*endpoint
	table             atomic.Pointer[table]
}

// table holds every path that is served, by host.
type table struct {
	snapshot *directory.Snapshot
	// issuers is by the issuers' hosts, with their ports.
	issuers map[string]map[string]target
	// names is by additional names, which answer on any port: a Service maps ports, and whoever connects by cluster IP or through a
	// node port sees another one than the issuer's.
	names map[string]map[string]target
}

type target struct {
	realm    *directory.Realm
	endpoint *endpoint
}

func (r *router) route(request *http.Request) (*directory.Realm, *endpoint, error) {
	t := r.current()
	paths, ok := t.issuers[request.Host]
	if !ok {
		paths, ok = t.lookup(request.Host)
	}
	if !ok {
		return nil, nil, httpx.Misdirected()
	}
	// Paths are compared as they were sent: %74oken is not token.
	found, ok := paths[request.URL.Path]
	if !ok || request.URL.RawPath != "" {
		return nil, nil, httpx.NotFound()
	}
	return found.realm, found.endpoint, nil
}

func (r *router) current() *table {
	snapshot := r.directory.Snapshot()
	if t := r.table.Load(); t != nil && t.snapshot == snapshot {
		return t
	}
	t := r.newTable(snapshot)
	r.table.Store(t)
	return t
}

// newTable mounts the realms, oldest first, and never twice at one path: a realm whose issuer lies below another's cannot take
// that one's endpoints.
func (r *router) newTable(snapshot *directory.Snapshot) *table {
	t := &table{snapshot: snapshot, issuers: map[string]map[string]target{}, names: map[string]map[string]target{}}
	owned := map[string]bool{}
	for _, realm := range snapshot.Realms {
		owned[realm.Hostname] = true
		r.mount(t.issuers, realm.Host, realm)
	}
	for _, realm := range snapshot.Realms {
		// A name that is some realm's issuer host leads to that host's realms only, or one realm could answer for another.
		for _, name := range realm.Spec.Serving.AdditionalNames {
			if !owned[hostname(name)] {
				r.mount(t.names, hostname(name), realm)
			}
		}
	}
	return t
}

func (r *router) mount(hosts map[string]map[string]target, host string, realm *directory.Realm) {
	paths := hosts[host]
	if paths == nil {
		paths = map[string]target{}
		hosts[host] = paths
	}
	put := func(path string, e *endpoint) {
		if _, taken := paths[path]; !taken {
			paths[path] = target{realm, e}
		}
	}
	for path, e := range r.endpoints {
		put(realm.Path+path, e)
	}
	for path, e := range r.rooted {
		put(path+realm.Path, e)
	}
}

// lookup is for hosts that are not written as the issuer has them.
func (t *table) lookup(host string) (map[string]target, bool) {
	host = strings.ToLower(host)
	if paths, ok := t.issuers[strings.TrimSuffix(host, ":443")]; ok {
		return paths, true
	}
	paths, ok := t.names[hostname(host)]
	return paths, ok
}

// hostname takes port and brackets away, and writes IP addresses in one way.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if ip := net.ParseIP(host); ip != nil {
		return ip.String()
	}
	return host
}
