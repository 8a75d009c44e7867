package pages_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/watchword-io/watchword/internal/server/pages"
)

// TestFields checks that each form posts what its view model promises, and its buttons the decisions.
func TestFields(t *testing.T) {
	tests := map[string]struct {
		page pages.Page
		want []string
	}{
		"sign-in": {samples()["sign-in"], []string{"csrf=csrf-value", "state=state-value", "username=alice", "password="}},
		"password, chosen": {samples()["password"],
			[]string{"csrf=csrf-value", "state=state-value", "username=alice", "password=", "new_password=", "repeat_password="}},
		"password, temporary": {pages.ChangePassword{Form: form, Login: "alice", Reason: pages.Temporary},
			[]string{"csrf=csrf-value", "state=state-value", "username=alice", "new_password=", "repeat_password="}},
		"device": {samples()["device"], []string{"csrf=csrf-value", "state=state-value", "user_code=BCDF-GHJK"}},
		"confirm": {samples()["confirm"],
			[]string{"csrf=csrf-value", "state=state-value", "decision=allow", "decision=deny"}},
		"continue": {samples()["continue"],
			[]string{"csrf=csrf-value", "state=state-value", "decision=continue", "decision=switch"}},
		"sign-out": {samples()["sign-out"],
			[]string{"csrf=csrf-value", "state=state-value", "decision=sign-out", "decision=stay"}},
		"without CSRF and state": {pages.SignOut{}, []string{"decision=sign-out", "decision=stay"}},
		"form post":              {samples()["form-post"], []string{"code=c0de"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			document := parse(t, render(t, tc.page).Body.Bytes())
			var got []string
			for _, node := range append(elements(document, "input"), elements(document, "button")...) {
				if name := attribute(node, "name"); name != "" {
					got = append(got, name+"="+attribute(node, "value"))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if method := attribute(elements(document, "form")[0], "method"); method != "post" {
				t.Errorf("the form's method is %q: a password would end up in the address", method)
			}
		})
	}
}

// TestAutocomplete is what password managers and one-time code keyboards go by (WCAG 2.2, 1.3.5).
func TestAutocomplete(t *testing.T) {
	tests := map[string]struct {
		page pages.Page
		want map[string]string
	}{
		"sign-in": {samples()["sign-in"], map[string]string{"username": "username", "password": "current-password"}},
		"password": {samples()["password"], map[string]string{"username": "username", "password": "current-password",
			"new_password": "new-password", "repeat_password": "new-password"}},
		"device": {samples()["device"], map[string]string{"user_code": "one-time-code"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for _, node := range elements(parse(t, render(t, tc.page).Body.Bytes()), "input") {
				if attribute(node, "type") != "hidden" {
					got[attribute(node, "name")] = attribute(node, "autocomplete")
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("autocomplete (-want +got):\n%s", diff)
			}
		})
	}
}

// TestProblemIsHeardFirst checks what a screen reader gets: the title begins with the problem, the input that it is about has the
// focus, is marked invalid and refers to the text.
func TestProblemIsHeardFirst(t *testing.T) {
	change := func(reason pages.ChangeReason, problem pages.PasswordProblem) pages.Page {
		return pages.ChangePassword{Form: form, Login: "alice", Reason: reason, MinLength: 12, Problem: problem}
	}
	tests := map[string]struct {
		page         pages.Page
		title, focus string
	}{
		"wrong credentials": {pages.SignIn{Login: "alice", Problem: pages.WrongCredentials}, "do not match", "password"},
		"form expired":      {pages.SignIn{Login: "alice", Problem: pages.FormExpired}, "too long", "password"},
		"current password":  {change(pages.Chosen, pages.CurrentPasswordWrong), "current password is not right", "password"},
		"differ":            {change(pages.Temporary, pages.PasswordsDiffer), "not the same", "repeat_password"},
		"too short":         {change(pages.Temporary, pages.PasswordTooShort), "at least 12 characters", "new_password"},
		"too long":          {change(pages.Expired, pages.PasswordTooLong), "1,024 bytes", "new_password"},
		"unreadable":        {change(pages.Chosen, pages.PasswordUnreadable), "blank", "new_password"},
		"guessable":         {change(pages.Chosen, pages.PasswordGuessable), "easy to guess", "new_password"},
		"used before":       {change(pages.Chosen, pages.PasswordUsedBefore), "used that password before", "new_password"},
		"password expired":  {change(pages.Chosen, pages.PasswordFormExpired), "too long", "new_password"},
		"unknown code":      {pages.DeviceEntry{UserCode: "x", Problem: pages.CodeUnknown}, "not valid", "user_code"},
		"code form expired": {pages.DeviceEntry{Problem: pages.CodeFormExpired}, "too long", "user_code"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			document := parse(t, render(t, tc.page).Body.Bytes())
			title := elements(document, "title")[0].FirstChild.Data
			if !strings.HasPrefix(title, "Error: ") || !strings.Contains(title, tc.title) {
				t.Errorf("title is %q, want it to begin with Error: and to say %q", title, tc.title)
			}
			var focused []string
			for _, node := range elements(document, "input") {
				if !has(node, "autofocus") {
					continue
				}
				focused = append(focused, attribute(node, "name"))
				if attribute(node, "aria-invalid") != "true" || !slices.Contains(strings.Fields(attribute(node, "aria-describedby")), "problem") {
					t.Errorf("the focused input is not marked invalid and described by the problem: %v", node.Attr)
				}
			}
			if diff := cmp.Diff([]string{tc.focus}, focused); diff != "" {
				t.Errorf("focus (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFirstFocus is where a person begins to type.
func TestFirstFocus(t *testing.T) {
	tests := map[string]struct {
		page pages.Page
		want string
	}{
		"nobody known":       {pages.SignIn{}, "username"},
		"login hint":         {pages.SignIn{Login: "alice"}, "password"},
		"own wish":           {pages.ChangePassword{Reason: pages.Chosen}, "password"},
		"unknown reason":     {pages.ChangePassword{Reason: "whim"}, "password"},
		"temporary password": {pages.ChangePassword{Reason: pages.Temporary}, "new_password"},
		"expired password":   {pages.ChangePassword{Reason: pages.Expired}, "new_password"},
		"device code":        {pages.DeviceEntry{}, "user_code"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, node := range elements(parse(t, render(t, tc.page).Body.Bytes()), "input") {
				if got := attribute(node, "name"); has(node, "autofocus") != (got == tc.want) {
					t.Errorf("focus on %q: %t", got, has(node, "autofocus"))
				}
			}
		})
	}
}

func TestEveryCauseHasItsTexts(t *testing.T) {
	seen := map[string]pages.Cause{}
	for _, cause := range []pages.Cause{
		pages.BadRequest, pages.UnknownClient, pages.BadRedirect, pages.StaleRequest, pages.OtherBrowser, pages.NotAllowed, pages.NotFound,
		pages.Internal,
	} {
		page := pages.Fault{Frame: frame, Cause: cause}
		document := parse(t, render(t, page).Body.Bytes())
		heading := elements(document, "h1")[0].FirstChild.Data
		if other, taken := seen[heading]; taken {
			t.Errorf("causes %q and %q have the same heading %q", cause, other, heading)
		}
		seen[heading] = cause
		for i, p := range elements(document, "p") {
			if p.FirstChild == nil {
				t.Errorf("cause %q: paragraph %d is empty", cause, i)
			}
		}
	}
	if got := render(t, pages.Fault{Cause: "new"}).Body.String(); !strings.Contains(got, "Something went wrong") {
		t.Error("an unknown cause does not fall back to the general one")
	}
}

func TestRetryAfter(t *testing.T) {
	tests := map[string]struct {
		page       pages.Page
		want, says string
	}{
		"busy, rounded up":  {pages.Busy{RetryAfter: 1500 * time.Millisecond}, "2", "few seconds"},
		"busy, no idea":     {pages.Busy{}, "1", "few seconds"},
		"attempts":          {pages.TooManyAttempts{Now: noon, Until: noon.Add(11*time.Minute + time.Second)}, "661", "in 12\u00a0minutes, at 12:11\u00a0UTC"},
		"attempts, soon":    {pages.TooManyAttempts{Now: noon, Until: noon.Add(time.Second)}, "1", "in a minute"},
		"attempts, already": {pages.TooManyAttempts{Now: noon, Until: noon.Add(-time.Hour)}, "1", "in a minute"},
		"others say none":   {pages.SignedOut{}, "", "signed out"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := render(t, tc.page)
			if got := w.Header().Get("Retry-After"); got != tc.want {
				t.Errorf("Retry-After is %q, want %q", got, tc.want)
			}
			if !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("the page does not say %q", tc.says)
			}
		})
	}
}

// TestAddressesThatAreRefused checks that no response is handed to an address that a form or a browser cannot go to, and that
// nothing is written then.
func TestAddressesThatAreRefused(t *testing.T) {
	never := []string{
		"", "/callback", "javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "https:", "https:///x", "%zz",
		"http:x", "about:blank", "JAVASCRIPT:alert(1)", "https://client.example/\nSet-Cookie",
	}
	tests := map[string]struct {
		page    func(address string) pages.Page
		refused []string
	}{
		"form post": {func(address string) pages.Page { return pages.FormPost{RedirectURI: address} }, append(never, "com.example.app:/callback")},
		"hand over": {func(address string) pages.Page { return pages.HandOver{Address: address} },
			append(never, `https://client.example/"><script>`, "https://client.example/'", "https://client.example/ x")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, address := range tc.refused {
				w := httptest.NewRecorder()
				if err := pages.Render(w, http.StatusOK, tc.page(address)); err == nil {
					t.Errorf("%q: got no error", address)
				}
				if w.Body.Len() > 0 || len(w.Header()) > 0 {
					t.Errorf("%q: an answer was written all the same", address)
				}
			}
		})
	}
}

// TestHandOverGoesOn checks both ways to the client: the refresh and the link.
func TestHandOverGoesOn(t *testing.T) {
	for _, address := range []string{
		"https://client.example/callback?code=a%20b&state=x%22y&iss=https%3A%2F%2Fid.example",
		"http://127.0.0.1:41234/callback?code=a",
		"http://[::1]:41234/callback?code=a&state=b",
		"com.example.app:/callback?code=a",
	} {
		document := parse(t, render(t, pages.HandOver{Client: "kubectl", Address: address}).Body.Bytes())
		var refresh string
		for _, node := range elements(document, "meta") {
			if attribute(node, "http-equiv") == "refresh" {
				refresh = attribute(node, "content")
			}
		}
		if want := "0; url=" + address; refresh != want {
			t.Errorf("refresh is %q, want %q", refresh, want)
		}
		if got := attribute(elements(document, "a")[0], "href"); got != address {
			t.Errorf("the link leads to %q, want %q", got, address)
		}
	}
}

func attribute(node *html.Node, key string) string {
	for _, a := range node.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(node *html.Node, key string) bool {
	return slices.ContainsFunc(node.Attr, func(a html.Attribute) bool { return a.Key == key })
}
