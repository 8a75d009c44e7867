package server

import (
	"net/http"

	"github.com/watchword-io/watchword/internal/server/authorize"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/clientauth"
	"github.com/watchword-io/watchword/internal/server/device"
	"github.com/watchword-io/watchword/internal/server/logout"
	"github.com/watchword-io/watchword/internal/server/passwords"
	"github.com/watchword-io/watchword/internal/server/signin"
)

// people makes the endpoints that a person meets, and those that send her there. One Verifier counts wrong passwords for all of them.
func (s *Server) people(clients *clientauth.Authenticator, verifier *passwords.Verifier, observer signin.Observer) map[string]*endpoint {
	post, both := []string{http.MethodPost}, []string{http.MethodGet, http.MethodPost}
	pages := &browser.Pages{Audit: s.Audit, Log: s.Log.WithName("pages"), Now: s.Now}
	people := signin.New(signin.Config{Pages: pages, Sessions: s.Sessions, Passwords: verifier, Observer: observer, Now: s.Now})
	codes := authorize.New(authorize.Config{
		Pages: pages, SignIn: people, Clients: clients, Once: s.Once, Audit: s.Audit, Edge: s.edge, Now: s.Now,
	})
	devices := device.New(device.Config{
		Clients: clients, Sessions: s.Sessions, Devices: s.Devices, SignIn: people, Pages: pages, Audit: s.Audit, Edge: s.edge, Now: s.Now,
	})
	people.Authorized, people.Device = codes.Complete, device.Confirm
	leave := logout.New(logout.Config{Pages: pages, SignIn: people, Sessions: s.Sessions, Now: s.Now})
	return map[string]*endpoint{
		authorize.Path:          {both, pages.Page(authorize.ActionRequest, codes.Authorize)},
		authorize.PushedPath:    {post, codes.Push},
		signin.LoginPath:        {both, pages.Page("signin.request", people.Login)},
		signin.PasswordPath:     {both, pages.Page("password.request", people.Password)},
		logout.Path:             {both, pages.Page(logout.ActionRequest, leave.Logout)},
		"/device_authorization": {post, devices.Authorize},
		"/device":               {both, devices.Page},
	}
}
