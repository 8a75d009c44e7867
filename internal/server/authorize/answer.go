package authorize

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// answer sends parameters to the client's address, with its state and our issuer (RFC 9207) beside them.
func (e *Endpoint) answer(x *exchange, parameters ...pages.Parameter) error {
	if x.request.State != "" {
		parameters = append(parameters, pages.Parameter{Name: "state", Value: x.request.State})
	}
	parameters = append(parameters, pages.Parameter{Name: "iss", Value: x.realm.Issuer})
	frame := browser.Frame(x.realm, x.requestID)
	if x.request.ResponseMode == flow.ModeFormPost {
		e.Pages.Show(x.w, http.StatusOK, pages.FormPost{
			Frame: frame, RedirectURI: x.request.RedirectURI, Parameters: parameters, Client: x.client.DisplayName,
			Registered: x.client.RedirectURIs,
		}, x.requestID)
		return nil
	}
	address := withQuery(x.request.RedirectURI, parameters)
	// After a form of ours a browser holds all redirects that follow against our form-action, also those of the client: see
	// pages.HandOver, which cannot show an address with a quote.
	own := x.r.Method == http.MethodPost && x.r.URL.Path != x.realm.Path+Path
	if own && !strings.Contains(address, "'") {
		e.Pages.Show(x.w, http.StatusOK, pages.HandOver{Frame: frame, Client: x.client.DisplayName, Address: address}, x.requestID)
		return nil
	}
	browser.SeeOther(x.w, address)
	return nil
}

// withQuery appends parameters to a registered address, which stays as it is (RFC 6749 section 3.1.2).
func withQuery(address string, parameters []pages.Parameter) string {
	var b strings.Builder
	b.WriteString(address)
	separator := byte('?')
	if i := strings.IndexByte(address, '?'); i == len(address)-1 && i >= 0 {
		separator = 0
	} else if i >= 0 {
		separator = '&'
	}
	for _, p := range parameters {
		if separator != 0 {
			b.WriteByte(separator)
		}
		separator = '&'
		b.WriteString(p.Name + "=" + url.QueryEscape(p.Value))
	}
	return b.String()
}
