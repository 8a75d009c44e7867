package oauth2

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseScope(t *testing.T) {
	for name, tc := range map[string]struct {
		scope  string
		want   []string
		reason string
	}{
		"empty":             {},
		"one":               {scope: "openid", want: []string{"openid"}},
		"order kept":        {scope: "b a", want: []string{"b", "a"}},
		"each once":         {scope: "a b a", want: []string{"a", "b"}},
		"most there may be": {scope: strings.TrimSpace(strings.Repeat("a ", maxScopes)), want: []string{"a"}},
		"any symbol":        {scope: "https://api/read:*", want: []string{"https://api/read:*"}},
		"too many":          {scope: strings.TrimSpace(strings.Repeat("a ", maxScopes+1)), reason: "scope_too_long"},
		"leading space":     {scope: " a", reason: "scope_malformed"},
		"trailing space":    {scope: "a ", reason: "scope_malformed"},
		"two spaces":        {scope: "a  b", reason: "scope_malformed"},
		"quote":             {scope: `a"b`, reason: "scope_malformed"},
		"backslash":         {scope: `a\b`, reason: "scope_malformed"},
		"tab":               {scope: "a\tb", reason: "scope_malformed"},
		"not ASCII":         {scope: "größe", reason: "scope_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseScope(tc.scope)
			if reason := reasonOf(err); reason != tc.reason {
				t.Fatalf("ParseScope(%q) fails with %q; want %q", tc.scope, reason, tc.reason)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("scopes (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"", "openid profile", " ", "a\x00", `"`, "größe", "a a a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, scope string) {
		words, err := ParseScope(scope)
		if err != nil {
			if e := reasonOf(err); e != "scope_malformed" && e != "scope_too_long" {
				t.Fatalf("ParseScope(%q) = %v", scope, err)
			}
			return
		}
		// Never more than was asked for, and safe to write into JSON as it is.
		for _, word := range words {
			if !slices.Contains(strings.Split(scope, " "), word) || strings.ContainsAny(word, "\"\\ \n") {
				t.Errorf("ParseScope(%q) made %q", scope, word)
			}
		}
	})
}
