package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// secure sets the headers of every page.
func secure(h http.Header, policy string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for what does not know frame-ancestors
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// policy is the page's Content-Security-Policy: nothing but its own style sheets by hash, the logo, and where its form may lead.
func policy(v view, styles ...string) string {
	directives := []string{"default-src 'none'", "style-src " + hashes(styles...), "img-src data:", "base-uri 'none'", "frame-ancestors 'none'"}
	if v.script != "" {
		directives = append(directives, "script-src "+hashes(v.script))
	}
	targets := []string{"'none'"}
	if v.form != nil {
		targets = []string{"'self'"}
		for _, address := range v.form.Redirects {
			if s := source(address); s != "" && !slices.Contains(targets, s) {
				targets = append(targets, s)
			}
		}
	}
	return strings.Join(append(directives, "form-action "+strings.Join(targets, " ")), "; ")
}

// hashes are source expressions of CSP3 section 2.3.1.
func hashes(contents ...string) string {
	var b strings.Builder
	for i, content := range contents {
		if i > 0 {
			b.WriteByte(' ')
		}
		sum := sha256.Sum256([]byte(content))
		b.WriteString("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
	}
	return b.String()
}

var (
	plainHost = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`)
	// privateScheme is a private-use URI scheme of a native app (RFC 8252 section 7.1): it has a dot, as no scheme of the browser has.
	privateScheme = regexp.MustCompile(`^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$`)
)

// source is the narrowest source expression that covers an address, and empty for an address that no form may lead to.
func source(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host); {
	case scheme == "https" || scheme == "http":
		if plainHost.MatchString(host) {
			return scheme + "://" + host
		}
		if u.Hostname() == "::1" {
			return scheme + ":" // CSP has no syntax for an IPv6 address
		}
	case privateScheme.MatchString(scheme):
		return scheme + ":"
	}
	return ""
}
