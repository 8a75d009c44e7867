package server

import (
	"maps"
	"net/http"

	"github.com/watchword-io/watchword/internal/server/bearer"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/discovery"
	"github.com/watchword-io/watchword/internal/server/grants"
	"github.com/watchword-io/watchword/internal/server/keys"
	"github.com/watchword-io/watchword/internal/server/passwords"
	"github.com/watchword-io/watchword/internal/server/revoke"
)

// mount makes the endpoints and says where below the issuer each one is.
func (s *Server) mount(observer *metrics) *router {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	clients := clientauth.New(clientauth.Config{
		Once: s.Once, Fetch: s.Fetch, Cluster: s.Cluster, Now: s.Now, Log: s.Log.WithName("client-assertions"),
	})
	verifier := passwords.New(passwords.Config{Accounts: s.Credentials, Hasher: s.Hasher, Log: s.Log.WithName("passwords"), Now: s.Now})
	s.settle = verifier.Wait
	tokens := grants.New(grants.Config{
		Clients: clients, Passwords: verifier,
		Sessions: s.Sessions, Devices: s.Devices, Audit: s.Audit, Observer: observer, Edge: s.edge, Log: s.Log.WithName("tokens"), Now: s.Now,
	})
	holders := bearer.New(bearer.Config{Clients: clients, Sessions: s.Sessions, Audit: s.Audit, Edge: s.edge, Now: s.Now})
	revocation := revoke.New(revoke.Config{Clients: clients, Sessions: s.Sessions, Audit: s.Audit, Edge: s.edge, Now: s.Now})
	metadata := &endpoint{get, discovery.New(grants.Served()...).Serve}
	endpoints := map[string]*endpoint{
		"/.well-known/openid-configuration":       metadata,
		"/.well-known/oauth-authorization-server": metadata,
		"/keys":       {get, keys.New().Serve},
		"/token":      anyOrigin(&endpoint{post, tokens.Serve}),
		"/userinfo":   anyOrigin(&endpoint{[]string{http.MethodGet, http.MethodPost}, holders.UserInfo}),
		"/introspect": {post, holders.Introspect},
		"/revoke":     anyOrigin(&endpoint{post, revocation.Serve}),
	}
	maps.Copy(endpoints, s.people(clients, verifier, observer))
	return &router{
		directory: s.Directory,
		endpoints: endpoints,
		rooted:    map[string]*endpoint{"/.well-known/oauth-authorization-server": metadata},
	}
}
