// Package pages draws what a person sees while signing in: typed view models in, one complete HTML page out.
//
// It owns the words, the look and the headers that keep a page safe: no page loads anything, is framed, is cached or runs a script
// that is not listed by its hash. It decides nothing: what was right or wrong is the endpoints' business, and they read forms by the
// names in fields.go. Every page works without JavaScript and posts only what its form shows.
//
// Invariant: whatever a view model holds, hostile or not, ends up as text. The only markup is that of the templates, and of a style
// sheet computed from colours that were parsed.
package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Page is one of the view models of this package.
type Page interface{ view() view }

// Frame is what every page has.
type Frame struct {
	Realm Branding
	// RequestID is shown where a person may have to quote it: on Fault, Busy and TooManyAttempts. It finds the log line.
	RequestID string
}

// Form is what a form sends besides what a person types.
type Form struct {
	// Action is the path that it is posted to. Empty: the page's own address.
	Action string
	// CSRF and State are sent back as FieldCSRF and FieldState; an empty one is left out.
	CSRF, State string
	// Redirects are addresses outside the realm that the answer to this form may lead to: the client's redirect URI, an identity
	// provider. Chrome applies form-action to redirects too (CSP3 section 6.4.2) and stops at any address not listed here.
	Redirects []string
}

// view is what the layout needs to know of a page.
type view struct {
	frame Frame
	// refused is why the page cannot be shown, if it cannot.
	refused error
	// name is the template, title the heading and problem what went wrong, if anything: it leads the title.
	name, title, problem string
	// field is the name of the input that problem is about.
	field string
	// form is nil for pages without one.
	form *Form
	// script is the only one that may run. Empty: none may.
	script string
	// refresh is where the page goes by itself, an address that was checked. Empty: it stays.
	refresh string
	// retryAfter becomes the header of that name (RFC 9110 section 10.2.3) if it is not zero.
	retryAfter time.Duration
}

// scene is what templates are executed with.
type scene struct {
	Page                    any
	Title, Problem, Field   string
	Realm                   look
	RequestID               string
	Styles, Script, Refresh template.HTML
	Form                    Form
}

//go:embed templates
var files embed.FS

// templates holds one parsed set a page, by the name of its file. They are parsed for the first page: a process that shows none saves
// a megabyte.
var templates = sync.OnceValue(parse)

func parse() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	sets := map[string]*template.Template{}
	for _, name := range names {
		set := template.Must(template.Must(shared.Clone()).ParseFS(files, name))
		sets[strings.TrimSuffix(path.Base(name), ".html")] = set
	}
	return sets
}

// Render answers with a page and the headers of every page. It replaces headers of those names and sets Retry-After where the page
// knows it. An error means that nothing was written: the view model cannot be shown. A client that has gone away is no error.
func Render(w http.ResponseWriter, status int, page Page) error {
	v := page.view()
	if v.refused != nil {
		return fmt.Errorf("draw page %q: %w", v.name, v.refused)
	}
	realm := v.frame.Realm.look()
	own := realm.sheet()
	s := scene{
		Page: page, Title: v.title, Problem: v.problem, Field: v.field, Realm: realm, RequestID: v.frame.RequestID,
		Styles: element("style", sheet) + element("style", own), Refresh: refresh(v.refresh),
	}
	if v.form != nil {
		s.Form = *v.form
	}
	if v.script != "" {
		s.Script = element("script", v.script)
	}
	var body bytes.Buffer
	if err := templates()[v.name].ExecuteTemplate(&body, "layout", s); err != nil {
		return fmt.Errorf("draw page %q: %w", v.name, err)
	}
	secure(w.Header(), policy(v, sheet, own))
	if v.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((v.retryAfter+time.Second-1)/time.Second)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
	return nil
}

// element makes an inline style or script. Its content is ours: the hash in the policy would not match anything else.
func element(name, content string) template.HTML {
	return template.HTML("<" + name + ">" + content + "</" + name + ">") //nolint:gosec // constant, or computed from parsed colours
}
