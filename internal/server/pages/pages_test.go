package pages_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/watchword-io/watchword/internal/server/pages"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

var (
	noon  = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	frame = pages.Frame{Realm: pages.Branding{Name: "Acme Research", Color: "#1b6b5a"}, RequestID: "4be1f20c77a9-2x"}
	form  = pages.Form{Action: "/login", CSRF: "csrf-value", State: "state-value"}
	saml  = []pages.Provider{{Name: "Company", URL: "/login/saml/company"}}
)

// samples is every page, with every field set.
func samples() map[string]pages.Page {
	return map[string]pages.Page{
		"sign-in":  pages.SignIn{Frame: frame, Form: form, Client: "Grafana", Login: "alice", Problem: pages.WrongCredentials, Providers: saml},
		"choose":   pages.ChooseProvider{Frame: frame, Client: "Grafana", Providers: saml},
		"continue": pages.Continue{Frame: frame, Form: form, Client: "Grafana", Login: "alice"},
		"password": pages.ChangePassword{Frame: frame, Form: form, Login: "alice", Reason: pages.Chosen, MinLength: 12,
			Problem: pages.PasswordTooShort},
		"changed":    pages.PasswordChanged{Frame: frame, Client: "Grafana", Next: "/authorize"},
		"device":     pages.DeviceEntry{Frame: frame, Form: form, UserCode: "BCDF-GHJK", Problem: pages.CodeUnknown},
		"confirm":    pages.DeviceConfirm{Frame: frame, Form: form, Client: "kubectl", Login: "alice", UserCode: "BCDF-GHJK", Source: "192.0.2.1"},
		"allowed":    pages.DeviceDone{Frame: frame, Client: "kubectl"},
		"denied":     pages.DeviceDone{Frame: frame, Client: "kubectl", Denied: true},
		"sign-out":   pages.SignOut{Frame: frame, Form: form, Client: "Grafana", Login: "alice"},
		"signed-out": pages.SignedOut{Frame: frame, Client: "Grafana", Next: "https://grafana.example/"},
		"fault":      pages.Fault{Frame: frame, Cause: pages.BadRedirect, Client: "Grafana", Detail: "not registered", Next: "/"},
		"attempts":   pages.TooManyAttempts{Frame: frame, Now: noon, Until: noon.Add(11*time.Minute + time.Second), Next: "/"},
		"busy":       pages.Busy{Frame: frame, RetryAfter: 1500 * time.Millisecond, Next: "/"},
		"hand-over":  pages.HandOver{Frame: frame, Client: "Grafana", Address: "https://grafana.example/callback"},
		"form-post": pages.FormPost{Frame: frame, Client: "Grafana", RedirectURI: "https://grafana.example/callback",
			Parameters: []pages.Parameter{{Name: "code", Value: "c0de"}}},
	}
}

func render(t *testing.T, page pages.Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := pages.Render(w, http.StatusOK, page); err != nil {
		t.Fatalf("render %T: %v", page, err)
	}
	return w
}

// TestGolden keeps what two pages say to the byte: one with a form and all of its states, one without.
func TestGolden(t *testing.T) {
	for _, name := range []string{"sign-in", "fault"} {
		t.Run(name, func(t *testing.T) {
			body := regexp.MustCompile(`(?s)<style>.*?</style>\n?`).ReplaceAll(render(t, samples()[name]).Body.Bytes(), nil)
			golden := filepath.Join("testdata", name+".golden.html")
			if *update {
				if err := os.WriteFile(golden, body, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(body)); diff != "" {
				t.Errorf("page differs from %s (-want +got); -update rewrites it:\n%s", golden, diff)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	want := map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Cache-Control":                "no-store",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Strict-Transport-Security":    "max-age=31536000",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for name, page := range samples() {
		t.Run(name, func(t *testing.T) {
			header := render(t, page).Header()
			for key, value := range want {
				if got := header.Get(key); got != value {
					t.Errorf("%s: got %q, want %q", key, got, value)
				}
			}
		})
	}
}

// TestPolicyCoversThePage holds each page against its own policy: the styles and scripts in it are those that the policy lists by
// hash, no more and no fewer, and nothing needs 'unsafe-inline'.
func TestPolicyCoversThePage(t *testing.T) {
	for name, page := range samples() {
		t.Run(name, func(t *testing.T) {
			w := render(t, page)
			policy := directives(w.Header().Get("Content-Security-Policy"))
			document := parse(t, w.Body.Bytes())
			for element, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
				var found []string
				for _, node := range elements(document, element) {
					sum := sha256.Sum256([]byte(node.FirstChild.Data))
					found = append(found, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
				}
				if diff := cmp.Diff(found, policy[directive]); diff != "" {
					t.Errorf("%s (-found in the page +allowed):\n%s", directive, diff)
				}
			}
			for directive, want := range map[string][]string{
				"default-src": {"'none'"}, "img-src": {"data:"}, "base-uri": {"'none'"}, "frame-ancestors": {"'none'"},
			} {
				if diff := cmp.Diff(want, policy[directive]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", directive, diff)
				}
			}
			if forms := len(elements(document, "form")); (forms > 0) == slices.Contains(policy["form-action"], "'none'") {
				t.Errorf("form-action is %v for a page with %d forms", policy["form-action"], forms)
			}
			for _, node := range elements(document, "") {
				for _, a := range node.Attr {
					if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
						t.Errorf("<%s> has the attribute %s, which the policy forbids", node.Data, a.Key)
					}
				}
			}
		})
	}
}

// TestHostileValuesStayText renders every page with every text replaced by markup, one kind at a time: the document keeps the
// elements and attributes that it has with harmless values, and no address runs a script.
func TestHostileValuesStayText(t *testing.T) {
	hostile := map[string]string{
		"element":   `</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>`,
		"attribute": `" autofocus onfocus="alert(1)" x='`,
		"unquoted":  "' onmouseover=alert(1) `",
		"scheme":    "javascript:alert(1)",
		"data":      "data:text/html,<script>alert(1)</script>",
		"template":  `{{.Realm}}{client}{{template "content"}}`,
		"style":     "red;}</style><script>alert(1)</script>:root{--brand:url(https://evil.example)",
		"controls":  "a\x00b\r\nSet-Cookie: x=y\u2028\u202Etxt.exe",
		"not utf-8": "\xff\xfe<b>",
		"policy":    "https://evil.example; script-src 'unsafe-inline'",
		"long":      strings.Repeat("<b>", 20_000),
	}
	for name, page := range samples() {
		plain := parse(t, render(t, page).Body.Bytes())
		for kind, value := range hostile {
			t.Run(name+"/"+kind, func(t *testing.T) {
				w := render(t, replaced(page, value))
				document := parse(t, w.Body.Bytes())
				if diff := cmp.Diff(shape(plain), shape(document)); diff != "" {
					t.Errorf("the document's elements changed (-plain +hostile):\n%s", diff)
				}
				if policy := w.Header().Get("Content-Security-Policy"); strings.Contains(policy, "evil") || strings.Contains(policy, "unsafe") {
					t.Errorf("the policy took up a value: %s", policy)
				}
				for _, node := range elements(document, "") {
					for _, a := range node.Attr {
						address := a.Key == "href" || a.Key == "src" || a.Key == "action"
						if address && (strings.HasPrefix(a.Val, "javascript:") || strings.HasPrefix(a.Val, "data:text")) {
							t.Errorf("<%s %s> leads to %s", node.Data, a.Key, a.Val)
						}
					}
				}
			})
		}
	}
}

// replaced is a copy of a page with every string of it replaced, but for those that choose among our own texts and the addresses of
// FormPost and HandOver, which Render checks itself.
func replaced(page pages.Page, value string) pages.Page {
	v := reflect.New(reflect.TypeOf(page)).Elem()
	v.Set(reflect.ValueOf(page))
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch {
		case v.Type() == reflect.TypeFor[string]() && v.String() != "https://grafana.example/callback":
			v.SetString(value)
		case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case v.Kind() == reflect.Slice:
			fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(fresh, v)
			v.Set(fresh)
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(v)
	return v.Interface().(pages.Page)
}

func parse(t *testing.T, body []byte) *html.Node {
	t.Helper()
	document, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// elements are those of a name, or all, in the order of the document.
func elements(document *html.Node, name string) []*html.Node {
	var found []*html.Node
	for node := range document.Descendants() {
		if node.Type == html.ElementNode && (name == "" || node.Data == name) {
			found = append(found, node)
		}
	}
	return found
}

// shape is the document without its texts: elements and the names of their attributes.
func shape(document *html.Node) []string {
	var found []string
	for _, node := range elements(document, "") {
		line := node.Data
		for _, a := range node.Attr {
			line += " " + a.Key
		}
		found = append(found, line)
	}
	return found
}

func directives(policy string) map[string][]string {
	found := map[string][]string{}
	for directive := range strings.SplitSeq(policy, "; ") {
		words := strings.Fields(directive)
		found[words[0]] = words[1:]
	}
	return found
}
