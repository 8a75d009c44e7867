package oauth2

import (
	"slices"
	"strings"
)

// maxScopes is more than any application can list.
const maxScopes = 128

// ParseScope splits a scope parameter into its words, in their order, each once. An empty parameter gives none. Characters outside
// the grammar of RFC 6749 section 3.3, a leading, trailing or double space, and more than 128 words are an invalid_scope.
func ParseScope(scope string) ([]string, error) {
	if scope == "" {
		return nil, nil
	}
	if strings.Count(scope, " ") >= maxScopes {
		return nil, BadScope("scope_too_long", "too many scopes")
	}
	words := strings.Split(scope, " ")
	kept := words[:0]
	for _, word := range words {
		if !scopeToken(word) {
			return nil, BadScope("scope_malformed", "scope must be words separated by single spaces")
		}
		if !slices.Contains(kept, word) {
			kept = append(kept, word)
		}
	}
	return kept, nil
}

// BadScope is an invalid_scope.
func BadScope(reason, description string) *Error {
	return &Error{Code: InvalidScope, Description: description, Reason: reason}
}

func scopeToken(word string) bool {
	for i := range len(word) {
		c := word[i]
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return word != ""
}
