// Package browser is what the endpoints that a person meets share: cookies, the guard of forms against other sites, and how a page or an
// error is drawn.
//
// It owns the names and attributes of all cookies, and what ties a form to the browser that it was drawn for. What a form means is
// its endpoint's business, words and looks are package pages'. Its invariant: nothing in a cookie or a form is believed that this realm did
// not seal, and a form is good only in the browser that got it.
package browser

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// purpose is what a cookie is for; it is part of its name.
type purpose string

const (
	// forBrowser tells one browser from another: 128 random bits that mean nothing else.
	forBrowser purpose = "browser"
	// forSession is a sealed flow.Cookie.
	forSession purpose = "session"
	// forDevice is a sealed flow.KnownDevice.
	forDevice purpose = "device"
)

// name is of the prefix __Host-, which keeps other hosts of the domain, and whoever can write on a plain connection, from setting it
// (RFC 6265bis section 4.1.3.2). Such a cookie has the whole host for its path, so the realms on one host are told apart by name.
func name(p purpose, realm *directory.Realm) string {
	sum := sha256.Sum256([]byte(realm.UID))
	return "__Host-watchword-" + string(p) + "-" + hex.EncodeToString(sum[:4])
}

// untilClosed is the age of a cookie that ends with the browser.
const untilClosed = 0

// set gives the browser a cookie of that age in seconds, or with a negative age takes it away. All have the same attributes; Lax, because a
// person arrives from the application's site and is to be known then.
func set(w http.ResponseWriter, p purpose, realm *directory.Realm, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: name(p, realm), Value: value, MaxAge: age, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// get is the cookie's value, empty if there is none. Two of one name are none: which of them is ours cannot be known.
func get(r *http.Request, p purpose, realm *directory.Realm) string {
	if found := r.CookiesNamed(name(p, realm)); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// idLength is that of the browser's own cookie, rand.Text.
const idLength = 26

// ID is the SHA-256 of the browser's own cookie. A browser without one is given one; the request then carries it too, so that a second
// call returns the same.
func ID(w http.ResponseWriter, r *http.Request, realm *directory.Realm) []byte {
	if id := Existing(r, realm); id != nil {
		return id
	}
	value := rand.Text()
	set(w, forBrowser, realm, value, untilClosed)
	drop(r, name(forBrowser, realm))
	r.Header.Add("Cookie", name(forBrowser, realm)+"="+value)
	return digest(value)
}

// Existing is ID for a browser that must have its cookie already, nil for one that has none.
func Existing(r *http.Request, realm *directory.Realm) []byte {
	if value := get(r, forBrowser, realm); len(value) == idLength {
		return digest(value)
	}
	return nil
}

func digest(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

// drop takes the cookies of a name out of a request.
func drop(r *http.Request, name string) {
	kept := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range kept {
		if c.Name != name {
			r.AddCookie(c)
		}
	}
}

// SameOrigin reports whether a request comes from a page of this very origin, as far as the browser says: Sec-Fetch-Site if it is there
// (Fetch Metadata section 2.3), else Origin. What neither says is left to the sealed form. Origin is "null" for our own forms too, in
// browsers that do not know Sec-Fetch-Site: that is what our Referrer-Policy makes of it (Fetch section 3.2).
func SameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin" || site == "none"
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == "https" && strings.EqualFold(u.Host, r.Host)
}

// Frame is the look of a realm's pages.
func Frame(realm *directory.Realm, requestID string) pages.Frame {
	look := realm.Spec.Branding
	return pages.Frame{
		Realm:     pages.Branding{Name: cmp.Or(realm.Spec.DisplayName, realm.Name), Logo: look.Logo, Color: look.Color},
		RequestID: requestID,
	}
}
