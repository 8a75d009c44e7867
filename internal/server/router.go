package server

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/httpx"
)

// endpoint is what a path leads to.
type endpoint int

const (
	endpointDiscovery endpoint = iota
	endpointKeys
	endpointToken
)

func (e endpoint) allows(method string) bool {
	if e == endpointToken {
		return method == http.MethodPost
	}
	return method == http.MethodGet || method == http.MethodHead
}

func (e endpoint) methods() string {
	if e == endpointToken {
		return http.MethodPost
	}
	return http.MethodGet + ", " + http.MethodHead
}

// router finds realm and endpoint of a request in two map lookups. Its table is made anew when the realms change.
type router struct {
	directory *directory.Directory
	table     atomic.Pointer[table]
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
	endpoint endpoint
}

func (r *router) route(request *http.Request) (*directory.Realm, endpoint, error) {
	t := r.current()
	paths, ok := t.issuers[request.Host]
	if !ok {
		paths, ok = t.lookup(request.Host)
	}
	if !ok {
		return nil, 0, httpx.Misdirected()
	}
	// Paths are compared as they were sent: %74oken is not token.
	found, ok := paths[request.URL.Path]
	if !ok || request.URL.RawPath != "" {
		return nil, 0, httpx.NotFound()
	}
	return found.realm, found.endpoint, nil
}

func (r *router) current() *table {
	snapshot := r.directory.Snapshot()
	if t := r.table.Load(); t != nil && t.snapshot == snapshot {
		return t
	}
	t := newTable(snapshot)
	r.table.Store(t)
	return t
}

// newTable mounts the realms, oldest first, and never twice at one path: a realm whose issuer lies below another's cannot take
// that one's endpoints.
func newTable(snapshot *directory.Snapshot) *table {
	t := &table{snapshot: snapshot, issuers: map[string]map[string]target{}, names: map[string]map[string]target{}}
	owned := map[string]bool{}
	for _, realm := range snapshot.Realms {
		owned[realm.Hostname] = true
		mount(t.issuers, realm.Host, realm)
	}
	for _, realm := range snapshot.Realms {
		// A name that is some realm's issuer host leads to that host's realms only, or one realm could answer for another.
		for _, name := range realm.Spec.Serving.AdditionalNames {
			if !owned[hostname(name)] {
				mount(t.names, hostname(name), realm)
			}
		}
	}
	return t
}

func mount(hosts map[string]map[string]target, host string, realm *directory.Realm) {
	paths := hosts[host]
	if paths == nil {
		paths = map[string]target{}
		hosts[host] = paths
	}
	for path, e := range map[string]endpoint{
		realm.Path + "/.well-known/openid-configuration":       endpointDiscovery,
		realm.Path + "/.well-known/oauth-authorization-server": endpointDiscovery,
		"/.well-known/oauth-authorization-server" + realm.Path: endpointDiscovery, // RFC 8414 section 3
		realm.Path + "/keys":  endpointKeys,
		realm.Path + "/token": endpointToken,
	} {
		if _, taken := paths[path]; !taken {
			paths[path] = target{realm, e}
		}
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
