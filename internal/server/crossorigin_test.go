package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestScriptsOfOtherOrigins: single-page applications redeem codes and read userinfo; nobody's script reads what a cookie opens, nor
// sends one.
func TestScriptsOfOtherOrigins(t *testing.T) {
	f := newFixture(t)
	for name, tc := range map[string]struct {
		method, path string
		open         bool
	}{
		"preflight of token":      {http.MethodOptions, "/token", true},
		"preflight of userinfo":   {http.MethodOptions, "/userinfo", true},
		"preflight of revocation": {http.MethodOptions, "/revoke", true},
		"a refused token request": {http.MethodPost, "/token", true},
		"userinfo without token":  {http.MethodGet, "/userinfo", true},
		"discovery":               {http.MethodGet, discoveryPath, true},
		"keys":                    {http.MethodGet, "/keys", true},
		"introspection":           {http.MethodPost, "/introspect", false},
		"pushed request":          {http.MethodPost, "/par", false},
		"authorization":           {http.MethodGet, "/authorize", false},
		"sign-in form":            {http.MethodPost, "/login", false},
		"own password":            {http.MethodGet, "/password", false},
		"device page":             {http.MethodGet, "/device", false},
		"sign-out":                {http.MethodGet, "/logout", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, issuer+tc.path, strings.NewReader(""))
			r.Header.Set("Origin", "https://app.example.com")
			r.Header.Set("Access-Control-Request-Method", http.MethodPost)
			r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
			w := httptest.NewRecorder()
			f.server.ServeHTTP(w, r)
			want := ""
			if tc.open {
				want = "*"
			}
			h := w.Header()
			if got := h.Get("Access-Control-Allow-Origin"); got != want || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("Access-Control-Allow-Origin is %q, want %q; credentials %q", got, want, h.Get("Access-Control-Allow-Credentials"))
			}
			if tc.method != http.MethodOptions {
				return
			}
			if w.Code != http.StatusNoContent || !strings.Contains(h.Get("Access-Control-Allow-Methods"), http.MethodPost) ||
				h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type" {
				t.Errorf("preflight: %d %v", w.Code, h)
			}
		})
	}
}
