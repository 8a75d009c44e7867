package fakerealm

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"time"
)

func (r *Realm) device(w http.ResponseWriter, q *http.Request) {
	r.count("device")
	_ = q.ParseForm()
	now := r.now()
	if now.TokenError != "" {
		refuse(w, now.TokenError, "as the test wants")
		return
	}
	expires := now.DeviceExpires
	if expires == 0 {
		expires = 10 * time.Minute
	}
	code := rand.Text()
	r.mu.Lock()
	r.devices[code] = now.DevicePending
	r.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": "BCDF-GHJK", "verification_uri": r.Issuer() + "/device",
		"verification_uri_complete": r.Issuer() + "/device?user_code=BCDF-GHJK", "expires_in": int(expires.Seconds()), "interval": 1,
	})
}

func (r *Realm) redeemDevice(w http.ResponseWriter, form url.Values, now Behaviour) {
	code := form.Get("device_code")
	r.mu.Lock()
	pending, ok := r.devices[code]
	if ok && pending > 0 {
		r.devices[code]--
	} else if ok && now.DeviceError == "" {
		delete(r.devices, code)
	}
	r.mu.Unlock()
	switch {
	case !ok:
		refuse(w, "invalid_grant", "device code")
	case pending > 0:
		refuse(w, "authorization_pending", "")
	case now.DeviceError != "":
		refuse(w, now.DeviceError, "")
	default:
		r.issue(w, now, form.Get("client_id"), "", rand.Text())
	}
}

func (r *Realm) revoke(w http.ResponseWriter, q *http.Request) {
	r.count("revoke")
	_ = q.ParseForm()
	if r.now().RevokeFails {
		http.Error(w, "storage", http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.families {
		if f.current == q.PostForm.Get("token") {
			f.revoked = true
		}
	}
	w.WriteHeader(http.StatusOK)
}

// Browse does what a browser does with an address: it follows the way back to this computer. It trusts the authority in ca.
func Browse(client *http.Client, address string) (status int, err error) {
	answer, err := client.Get(address)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}

// Browser is a client for Browse.
func (r *Realm) Browser() *http.Client { return r.server.Client() }
