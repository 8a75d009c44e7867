package pages

import (
	"errors"
	"html/template"
	"net/url"
	"strings"
)

// HandOver leads to the client after a form was posted. It goes on by itself, without JavaScript; the link is for who waits.
//
// It is for what 303 cannot do: Chrome holds the whole chain of redirects that follows a form against form-action, also those the
// client makes after its redirect URI (an oauth2-proxy that serves several hosts), which nobody here can list. A refresh begins anew.
type HandOver struct {
	Frame
	// Client is the display name of the application.
	Client string
	// Address is the redirect URI with the response in its query: http, https or a private-use scheme. Render refuses anything else.
	Address string
}

func (p HandOver) view() view {
	v := view{frame: p.Frame, name: "handover", title: say("onward.title", "client", p.Client), refresh: p.Address}
	u, err := url.Parse(p.Address)
	web := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
	switch {
	case !web && (err != nil || !privateScheme.MatchString(u.Scheme)):
		v.refused = errors.New("the address is neither http, https nor of a private-use scheme")
	case strings.ContainsAny(p.Address, " '\"<>`"):
		v.refused = errors.New("the address has characters that an address must encode (RFC 3986 section 2)")
	}
	return v
}

// refresh is HTML section 4.2.5.3, state "refresh". html/template does not know that this attribute holds an address.
func refresh(address string) template.HTML {
	if address == "" {
		return ""
	}
	return template.HTML(`<meta http-equiv="refresh" content="0; url=` + template.HTMLEscapeString(address) + `">`) //nolint:gosec // checked and escaped
}

// Link is Address for the link: html/template would refuse a private-use scheme.
func (p HandOver) Link() template.URL { return template.URL(p.Address) } //nolint:gosec // checked by view
