package textbrowser

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Page is what an address led to.
type Page struct {
	// URL is where the browser ended up.
	URL *url.URL
	// Status is 0 for a page at which the browser stopped.
	Status int
	Header http.Header
	// Body is as it came, Title and Text what a person reads.
	Body, Title, Text string
	// Form is the page's first one, nil if it has none.
	Form *Form

	refresh string
	browser *Browser
}

// Form is what a page asks for.
type Form struct {
	// Action is where it goes to, as written.
	Action string
	// Values are those of its inputs as they were drawn.
	Values url.Values
	// Buttons are the values of its named buttons, by name.
	Buttons map[string][]string
}

// Fields are what a person fills in, by the names of inputs and buttons.
type Fields map[string]string

// read takes the page apart.
func (p *Page) read() error {
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		return fmt.Errorf("read %s: %w", p.URL.Redacted(), err)
	}
	var text strings.Builder
	p.walk(root, &text)
	p.Text = strings.Join(strings.Fields(text.String()), " ")
	return nil
}

func (p *Page) walk(n *html.Node, text *strings.Builder) {
	switch {
	case n.Type == html.TextNode:
		text.WriteString(n.Data)
		return
	case n.DataAtom == atom.Style, n.DataAtom == atom.Script, attribute(n, "aria-hidden") == "true" && n.DataAtom != atom.Input:
		return
	case n.DataAtom == atom.Title && n.FirstChild != nil && p.Title == "":
		p.Title = n.FirstChild.Data
		return
	case n.DataAtom == atom.Meta && strings.EqualFold(attribute(n, "http-equiv"), "refresh"):
		if _, address, found := strings.Cut(attribute(n, "content"), "url="); found {
			p.refresh = address
		}
	case n.DataAtom == atom.Form && p.Form == nil:
		p.Form = &Form{Action: attribute(n, "action"), Values: url.Values{}, Buttons: map[string][]string{}}
	case n.DataAtom == atom.Input && p.Form != nil:
		p.Form.Values.Set(attribute(n, "name"), attribute(n, "value"))
	case n.DataAtom == atom.Button && p.Form != nil && attribute(n, "name") != "":
		p.Form.Buttons[attribute(n, "name")] = append(p.Form.Buttons[attribute(n, "name")], attribute(n, "value"))
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		p.walk(child, text)
	}
	if n.Type == html.ElementNode && !slices.Contains(inline, n.DataAtom) {
		text.WriteString(" ")
	}
}

// inline are elements that do not part words.
var inline = []atom.Atom{atom.A, atom.B, atom.Bdi, atom.Code, atom.Em, atom.I, atom.Span, atom.Strong, atom.Time}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// onward is where the page leads by itself, nil if it stays.
func (p *Page) onward() (*url.URL, error) {
	address := p.refresh
	if p.Status >= http.StatusMultipleChoices && p.Status < http.StatusBadRequest {
		address = p.Header.Get("Location")
	}
	if address == "" {
		return nil, nil //nolint:nilnil // a page that stays is no error
	}
	return p.URL.Parse(address)
}

// Submit fills in the form and sends it, with what its other inputs hold, and goes on to where that leads.
func (p *Page) Submit(ctx context.Context, fields Fields) (*Page, error) {
	request, err := p.Fill(ctx, fields)
	if err != nil {
		return nil, err
	}
	return p.browser.load(request)
}

// SubmitOver is Submit on another connection.
func (p *Page) SubmitOver(ctx context.Context, transport http.RoundTripper, fields Fields) (*Page, error) {
	over := *p
	over.browser = p.browser.Over(transport)
	return over.Submit(ctx, fields)
}

// Fill makes the request that sends the form.
func (p *Page) Fill(ctx context.Context, fields Fields) (*http.Request, error) {
	if p.Form == nil {
		return nil, p.unexpected(errNoForm)
	}
	values := url.Values{}
	for name, value := range p.Form.Values {
		values[name] = value
	}
	for name, value := range fields {
		if _, input := values[name]; !input && p.Form.Buttons[name] == nil {
			return nil, p.unexpected(fmt.Errorf("the form has no field %q", name))
		}
		values.Set(name, value)
	}
	target, err := p.URL.Parse(p.Form.Action)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if target.Host == p.URL.Host {
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	} else {
		request.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	return request, nil
}

// unexpected adds to an error what a person would see.
func (p *Page) unexpected(err error) error {
	return fmt.Errorf("%w: %s answers %d, %q: %s", err, p.URL.Host+p.URL.Path, p.Status, p.Title, p.Text)
}
