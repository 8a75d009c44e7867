package pages

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFormActionSources(t *testing.T) {
	tests := map[string]struct{ address, want string }{
		"https":                {"https://grafana.example/login?x=y", "https://grafana.example"},
		"port":                 {"https://grafana.example:8443/", "https://grafana.example:8443"},
		"case":                 {"HTTPS://Grafana.Example/", "https://grafana.example"},
		"loopback":             {"http://127.0.0.1:41234/callback", "http://127.0.0.1:41234"},
		"loopback IPv6":        {"http://[::1]:41234/callback", "http:"},
		"other IPv6":           {"http://[2001:db8::1]/callback", ""},
		"private-use scheme":   {"com.example.app:/callback", "com.example.app:"},
		"scheme without a dot": {"myapp:/callback", ""},
		"javascript":           {"javascript:alert(1)", ""},
		"data":                 {"data:text/html,x", ""},
		"user information":     {"https://user@grafana.example/", "https://grafana.example"},
		"wildcard":             {"https://*.example/", ""},
		"directive":            {"https://x;script-src", ""},
		"blank":                {"https://x y/", ""},
		"quote":                {"https://'self'/", ""},
		"not ASCII":            {"https://grafäna.example/", ""},
		"relative":             {"/callback", ""},
		"no host":              {"https:///callback", ""},
		"empty":                {"", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := source(tc.address); got != tc.want {
				t.Errorf("source(%q) = %q, want %q", tc.address, got, tc.want)
			}
		})
	}
}

func TestFormActionListsEachOriginOnce(t *testing.T) {
	form := Form{Redirects: []string{"https://a.example/1", "https://a.example/2", "javascript:x", "http://127.0.0.1:1/"}}
	got := policy(view{form: &form}, "x")
	if want := "form-action 'self' https://a.example http://127.0.0.1:1"; !strings.HasSuffix(got, "; "+want) {
		t.Errorf("policy ends in %q, want %q", got, want)
	}
}

// A client that takes a response on one of its hosts may live on another.
func TestFormPostMayLeadToTheClientsOtherHosts(t *testing.T) {
	page := FormPost{RedirectURI: "https://a.example/callback", Registered: []string{"https://b.example/callback", "https://a.example/callback"}}
	if got, want := policy(page.view(), "x"), "form-action 'self' https://a.example https://b.example"; !strings.HasSuffix(got, "; "+want) {
		t.Errorf("policy ends in %q, want %q", got, want)
	}
}

// TestEveryColorCanBeRead walks through the colour space: whatever a realm chooses, WCAG 2.2's contrasts hold in light and dark.
func TestEveryColorCanBeRead(t *testing.T) {
	for r := 0.0; r <= 1; r += 0.125 {
		for g := 0.0; g <= 1; g += 0.125 {
			for b := 0.0; b <= 1; b += 0.125 {
				c := color{r, g, b}
				for _, card := range []color{lightCard, darkCard} {
					for what, got := range map[string]struct{ ratio, least float64 }{
						"text on the button": {contrast(c, textOn(c)), 4.5},
						"link on the card":   {contrast(c.against(card, 5), card), 4.5},
						"edge on the card":   {contrast(c.against(card, 3), card), 3},
					} {
						if got.ratio < got.least {
							t.Errorf("%s, card %s: %s has contrast %.2f, want %.1f", c, card, what, got.ratio, got.least)
						}
					}
				}
			}
		}
	}
}

func TestParseColor(t *testing.T) {
	tests := map[string]struct {
		in   string
		want string
		ok   bool
	}{
		"lower case": {"#1b6b5a", "#1b6b5a", true},
		"upper case": {"#FFCC00", "#ffcc00", true},
		"short":      {"#fc0", "", false},
		"name":       {"red", "", false},
		"sign":       {"#+12345", "", false},
		"underscore": {"#1_2_34", "", false},
		"injection":  {"#fff;}<", "", false},
		"empty":      {"", "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c, ok := parseColor(tc.in)
			if ok != tc.ok || ok && c.String() != tc.want {
				t.Errorf("parseColor(%q) = %s, %t; want %s, %t", tc.in, c, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestLogo(t *testing.T) {
	png := base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\nrest"))
	tests := map[string]struct {
		uri   string
		shown bool
	}{
		"png":                {"data:image/png;base64," + png, true},
		"jpeg":               {"data:image/jpeg;base64," + base64.StdEncoding.EncodeToString([]byte("\xff\xd8\xff\xe0")), true},
		"webp":               {"data:image/webp;base64," + base64.StdEncoding.EncodeToString([]byte("RIFF\x00\x00\x00\x0aWEBPVP8 ")), true},
		"another kind":       {"data:image/jpeg;base64," + png, false},
		"svg":                {"data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte("<svg/>")), false},
		"html":               {"data:text/html;base64," + png, false},
		"address":            {"https://acme.example/logo.png", false},
		"javascript":         {"javascript:alert(1)", false},
		"not base64":         {`data:image/png;base64,"><script>`, false},
		"line breaks":        {"data:image/png;base64," + png[:4] + "\n" + png[4:], false},
		"parameter":          {"data:image/png;charset=x;base64," + png, false},
		"without data":       {"data:image/png;base64,", false},
		"longer than it may": {"data:image/png;base64," + png + strings.Repeat("AAAA", MaxLogoBytes/4), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if problem := LogoProblem(tc.uri); (problem == "") != tc.shown {
				t.Errorf("LogoProblem: %q", problem)
			}
			if got := (Branding{Logo: tc.uri}).look().Logo != ""; got != tc.shown {
				t.Errorf("shown: %t, want %t", got, tc.shown)
			}
		})
	}
}

func TestLookOfARealm(t *testing.T) {
	tests := map[string]struct {
		in         Branding
		name, mark string
	}{
		"nothing":    {Branding{}, "Watchword", "W"},
		"blank":      {Branding{Name: " \t"}, "Watchword", "W"},
		"name":       {Branding{Name: "acme"}, "acme", "A"},
		"two words":  {Branding{Name: "«Éclair» lab"}, "«Éclair» lab", "É"},
		"arabic":     {Branding{Name: "مختبر"}, "مختبر", "م"},
		"no letters": {Branding{Name: "<>"}, "<>", ""},
		"not UTF-8":  {Branding{Name: "\xff"}, "\xff", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := tc.in.look()
			if diff := cmp.Diff([]string{tc.name, tc.mark}, []string{l.Name, l.Mark}); diff != "" {
				t.Errorf("name and mark (-want +got):\n%s", diff)
			}
		})
	}
}
