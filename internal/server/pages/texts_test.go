package pages

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// prefixes are keys that are put together from a prefix and a value.
var prefixes = []string{"signin.problem.", "password.problem.", "password.title.", "password.lead.", "device.problem.", "fault."}

// TestTextsAreUsedAndThere compares the catalogue with the templates and the code: a text nobody shows is as wrong as a missing one.
func TestTextsAreUsedAndThere(t *testing.T) {
	used := map[string]bool{"application": true}
	call := regexp.MustCompile(`(?:say|mark)[ (]"([a-z.]+)"`)
	for _, source := range sources(t) {
		for _, match := range call.FindAllStringSubmatch(source, -1) {
			key := match[1]
			used[key] = true
			if _, ok := texts[key]; !ok && !strings.HasSuffix(key, ".") {
				t.Errorf("text %q is used and not there", key)
			}
		}
	}
	for key, text := range texts {
		put := false
		for _, prefix := range prefixes {
			put = put || strings.HasPrefix(key, prefix)
		}
		if !used[key] && !put {
			t.Errorf("text %q is there and not used", key)
		}
		if text == "" || strings.TrimSpace(text) != text {
			t.Errorf("text %q is empty or has blanks around it", key)
		}
	}
}

func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		names, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				all = append(all, string(content))
			}
		}
	}
	return all
}

func TestSay(t *testing.T) {
	tests := map[string]struct {
		key       string
		arguments []string
		say, mark string
	}{
		"plain":              {"next", nil, "Continue", "Continue"},
		"argument":           {"to", []string{"client", "Grafana"}, "to continue to Grafana", "to continue to <bdi>Grafana</bdi>"},
		"nobody asked":       {"next.to", []string{"client", ""}, "Continue to the application", "Continue to <bdi>the application</bdi>"},
		"markup":             {"to", []string{"client", "<b>&"}, "to continue to <b>&", "to continue to <bdi>&lt;b&gt;&amp;</bdi>"},
		"placeholder inside": {"confirm.lead", []string{"client", "{login}", "login", "al"}, "{login} asks to sign in as al.", "<bdi>{login}</bdi> asks to sign in as <bdi>al</bdi>."},
		"missing key":        {"nothing.like.it", nil, "", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := say(tc.key, tc.arguments...); got != tc.say {
				t.Errorf("say: got %q, want %q", got, tc.say)
			}
			if got := string(mark(tc.key, tc.arguments...)); got != tc.mark {
				t.Errorf("mark: got %q, want %q", got, tc.mark)
			}
		})
	}
}
