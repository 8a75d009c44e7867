package authorize

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// redirection is the address that answers are sent to (RFC 6749 section 3.1.2.3): the parameter if it is registered, or with implied the
// only registered one if the parameter is left out. Every error is an invalid_request.
func redirection(client *directory.Client, form *oauth2.Form) (uri string, implied bool, err error) {
	uri = form.Get("redirect_uri")
	switch {
	case uri == "" && len(client.RedirectURIs) == 1 && usable(client.RedirectURIs[0]):
		return client.RedirectURIs[0], true, nil
	case uri == "":
		return "", false, oauth2.BadRequest("no_redirect_uri", "redirect_uri is missing")
	case !registered(client, uri):
		return "", false, oauth2.BadRequest("redirect_uri_not_registered", "redirect_uri is not registered for this client")
	}
	return uri, false, nil
}

// registered compares byte by byte (RFC 9700 section 2.1). Only the port of a loopback address may be any: the one that a native app gets
// is not known before (RFC 8252 section 7.3). localhost is not one, for it may be resolved to anything (section 8.3).
func registered(client *directory.Client, uri string) bool {
	if !usable(uri) {
		return false
	}
	if slices.Contains(client.RedirectURIs, uri) {
		return true
	}
	host, rest, ok := loopback(uri)
	return ok && slices.ContainsFunc(client.RedirectURIs, func(known string) bool {
		knownHost, knownRest, ok := loopback(known)
		return ok && host == knownHost && rest == knownRest
	})
}

// loopback splits http://127.0.0.1:port/rest and http://[::1]:port/rest, with or without the port.
func loopback(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, host)
		if !ok {
			continue
		}
		if after, found := strings.CutPrefix(rest, ":"); found {
			end := strings.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' })
			if end < 0 {
				end = len(after)
			}
			port, err := strconv.ParseUint(after[:end], 10, 16)
			if err != nil || port == 0 || after[0] == '0' {
				return "", "", false
			}
			rest = after[end:]
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}

// usable refuses addresses that no ClientApplication can register, for one that is older than the rule: others than https and loopback,
// with a fragment, or with a parameter that an answer has, which a client could not tell from ours.
func usable(uri string) bool {
	if strings.ContainsRune(uri, '#') {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	if _, _, local := loopback(uri); u.Scheme != "https" && !local {
		return false
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc([]string{"code", "state", "iss", "error"}, query.Has)
}
