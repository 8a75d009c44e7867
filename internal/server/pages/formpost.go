package pages

import (
	"fmt"
	"net/url"
)

// FormPost hands an authorization response over by a form (OAuth 2.0 Form Post Response Mode). It submits itself; without JavaScript
// the person presses its button.
type FormPost struct {
	Frame
	// RedirectURI is the client's, http or https: Render refuses anything else, which no form can post to.
	RedirectURI string
	// Parameters are sent in this order.
	Parameters []Parameter
	// Client is the display name of the application.
	Client string
	// Registered are all redirect URIs of the client. Chrome holds the client's own redirects, after its redirect URI, against form-action
	// too (see HandOver): an application may go on to another of its hosts.
	Registered []string
}

// Parameter is one of an authorization response.
type Parameter struct{ Name, Value string }

const submit = "document.forms[0].submit()"

func (p FormPost) view() view {
	form := &Form{Redirects: append([]string{p.RedirectURI}, p.Registered...)}
	v := view{frame: p.Frame, name: "formpost", title: say("onward.title", "client", p.Client), script: submit, form: form}
	u, err := url.Parse(p.RedirectURI)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		v.refused = fmt.Errorf("the redirect URI %q cannot be posted to", p.RedirectURI)
	}
	return v
}
