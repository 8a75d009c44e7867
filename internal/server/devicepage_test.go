package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/server/pages"
)

// TestUnauthenticatedDevicePages: without a session nothing is written at /device, and nothing looked up: a stranger cannot try codes.
func TestUnauthenticatedDevicePages(t *testing.T) {
	f := interactive(t)
	d := f.waiting()
	v := f.visitor()
	entry := v.open("/device")
	writes, reads := f.devices.writes.Load()+f.sessions.writes.Load(), f.devices.reads.Load()+f.sessions.reads.Load()
	for range 100 {
		for _, s := range []sheet{
			v.open("/device"), v.open("/device?user_code=" + d.userCode), v.open("/device?user_code=BCDF-GHJK"), v.open("/device?user_code=x"),
			v.submit(entry, pages.FieldUserCode, d.userCode), v.submit(entry, pages.FieldDecision, pages.DecisionAllow),
			v.follow(v.submit(entry, pages.FieldUserCode, "BCDFGHJK")),
		} {
			if s.status >= http.StatusInternalServerError || s.status == http.StatusTooManyRequests {
				t.Fatalf("%d %q", s.status, s.title)
			}
		}
	}
	if got := f.devices.writes.Load() + f.sessions.writes.Load() - writes; got != 0 {
		t.Errorf("%d writes; want none", got)
	}
	if got := f.devices.reads.Load() + f.sessions.reads.Load() - reads; got != 0 {
		t.Errorf("%d reads; want none", got)
	}
	f.pending(d)
	known, unknown := f.visitor().open("/device?user_code="+d.userCode), f.visitor().open("/device?user_code=BCDF-GHJK")
	if known.title != unknown.title || known.status != unknown.status {
		t.Errorf("a stranger sees %d %q for a code that is and %d %q for one that is not", known.status, known.title, unknown.status, unknown.title)
	}
}

// TestWrongUserCodes: five, and then a pause, for the person and not for the browser; also the right one has to wait then.
func TestWrongUserCodes(t *testing.T) {
	f := interactive(t)
	v, d := f.signedIn(), f.waiting()
	other := f.signedIn()
	for range 20 {
		v.confirmation(d) // codes that are good cost nothing
	}
	for i := range 5 {
		before := len(f.records())
		s := v.open(fmt.Sprintf("/device?user_code=BCDF-GHJ%c", "BCDFG"[i]))
		if s.status != http.StatusBadRequest || !strings.Contains(s.body, `name="user_code"`) {
			t.Fatalf("wrong code %d: %d %q; want to be asked again", i+1, s.status, s.title)
		}
		f.decided(before, "device.ask", "user_code_unknown")
	}
	for name, who := range map[string]*visitor{"she": v, "she in another browser": other} {
		for _, code := range []string{"BCDF-GHJH", d.userCode} {
			before, reads := len(f.records()), f.devices.reads.Load()
			s := who.open("/device?user_code=" + code)
			if s.status != http.StatusTooManyRequests || s.header.Get("Retry-After") != "120" {
				t.Errorf("%s: %d %q, Retry-After %q; want 429 for two minutes", name, s.status, s.title, s.header.Get("Retry-After"))
			}
			f.decided(before, "device.ask", "too_many_user_codes")
			if f.devices.reads.Load() != reads {
				t.Error("the code was looked up")
			}
		}
	}
	f.clock.step(2 * time.Minute)
	s := v.confirmation(d)
	if done := v.decides(s, pages.DecisionAllow); done.status != http.StatusOK {
		t.Errorf("after the pause: %d %q", done.status, done.title)
	}
}

// TestWrongUserCodesInParallel: fifty at once are no way around it.
func TestWrongUserCodesInParallel(t *testing.T) {
	f := interactive(t)
	v := f.signedIn()
	name, value := v.cookie("session")
	reads := f.devices.reads.Load()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			r := httptest.NewRequest(http.MethodGet, issuer+"/device?user_code=BCDF-GHJK", nil)
			r.AddCookie(&http.Cookie{Name: name, Value: value})
			f.server.ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	group.Wait()
	if got := f.devices.reads.Load() - reads; got != 5 {
		t.Errorf("%d of 50 codes were looked up; want 5", got)
	}
}

// TestDevicePageRefuses is what people and other sites can send to /device. Nobody is let in by any of it.
func TestDevicePageRefuses(t *testing.T) {
	type world struct {
		*fixture
		v      *visitor
		d      waiting
		entry  sheet
		choice sheet
	}
	const devicePage = issuer + "/device"
	posted := func(s func(w world) sheet, edit func(*http.Request), pairs ...string) func(world) sheet {
		return func(w world) sheet { return w.v.postTo(devicePage, edited(s(w).hidden, pairs...), edit) }
	}
	choice, entry := func(w world) sheet { return w.choice }, func(w world) sheet { return w.entry }
	allow := []string{pages.FieldDecision, pages.DecisionAllow}
	after := func(change func(world)) func(world) sheet {
		return func(w world) sheet { change(w); return w.v.decides(w.choice, pages.DecisionAllow) }
	}
	for name, tc := range map[string]struct {
		ask            func(world) sheet
		status         int
		action, reason string
	}{
		"a link with the decision": {func(w world) sheet {
			return w.v.open("/device?" + edited(w.choice.hidden, "decision", "allow", "user_code", w.d.userCode).Encode())
		}, 200, "device.ask", ""},
		"code twice": {func(w world) sheet { return w.v.open("/device?user_code=BCDF-GHJK&user_code=" + w.d.userCode) },
			400, "device.enter", "form_duplicate"},
		"markup for a code":  {func(w world) sheet { return w.v.open("/device?user_code=%3Cscript%3Ealert(1)") }, 400, "device.enter", "user_code_malformed"},
		"control characters": {func(w world) sheet { return w.v.open("/device?user_code=%0d%0aSet-Cookie:x") }, 400, "device.enter", "form_characters"},
		"a code of 2 KiB":    {func(w world) sheet { return w.v.open("/device?user_code=" + strings.Repeat("B", 2048)) }, 400, "device.enter", "user_code_malformed"},
		"typed markup":       {posted(entry, sameOrigin, pages.FieldUserCode, "<script>alert(1)"), 400, "device.enter", "user_code_malformed"},
		"typed nothing":      {posted(entry, sameOrigin, pages.FieldUserCode, ""), 400, "device.enter", "user_code_malformed"},
		"entry, no token":    {posted(entry, sameOrigin, pages.FieldUserCode, "BCDF-GHJK", pages.FieldCSRF, ""), 403, "device.enter", "form_not_ours"},
		"entry, cross-site":  {posted(entry, crossSite, pages.FieldUserCode, "BCDF-GHJK"), 403, "device.enter", "cross_site"},
		"entry, too late": {func(w world) sheet {
			w.clock.step(flow.LoginLifetime)
			return w.v.submit(w.entry, pages.FieldUserCode, "BCDF-GHJK")
		}, 403, "device.enter", "form_expired"},
		"no token":            {posted(choice, sameOrigin, append(allow, pages.FieldCSRF, "")...), 403, "device.allow", "form_not_ours"},
		"junk for a token":    {posted(choice, sameOrigin, append(allow, pages.FieldCSRF, "hunter2")...), 403, "device.allow", "form_not_ours"},
		"the entry's token":   {posted(entry, sameOrigin, allow...), 403, "device.allow", "form_not_ours"},
		"from another site":   {posted(choice, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, allow...), 403, "device.enter", "cross_site"},
		"from a sibling host": {posted(choice, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, allow...), 403, "device.enter", "cross_site"},
		"with another Origin": {posted(choice, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.com") }, allow...), 403, "device.enter", "cross_site"},
		"without cookies": {func(w world) sheet {
			return w.visitor().postTo(devicePage, edited(w.choice.hidden, allow...), sameOrigin)
		}, 403, "device.allow", "other_browser"},
		"in another browser": {func(w world) sheet {
			return w.signedIn().postTo(devicePage, edited(w.choice.hidden, allow...), sameOrigin)
		}, 403, "device.allow", "other_browser"},
		"in the query":         {func(w world) sheet { return w.v.postTo(devicePage+"?decision=allow", w.choice.hidden, sameOrigin) }, 400, "device.enter", "query_parameter"},
		"JSON":                 {posted(choice, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, allow...), 400, "device.enter", "content_type"},
		"another decision":     {posted(choice, sameOrigin, pages.FieldDecision, "continue"), 400, "device.enter", "unknown_decision"},
		"the form was too old": {after(func(w world) { w.clock.step(flow.LoginLifetime) }), 403, "device.allow", "form_expired"},
		"the code has expired": {after(func(w world) { w.clock.step(flow.DeviceLifetime) }), 400, "device.allow", "user_code_expired"},
		"the client is gone": {after(func(w world) {
			if err := w.directory.Delete(web()); err != nil {
				w.Fatal(err)
			}
		}), 400, "device.allow", "client_gone"},
		"the client is disabled":        {after(func(w world) { a := web(); a.Spec.Disabled = true; w.apply(a) }), 400, "device.allow", "client_gone"},
		"the client lost the grant":     {after(func(w world) { a := web(); a.Spec.GrantTypes = a.Spec.GrantTypes[:2]; w.apply(a) }), 400, "device.allow", "client_gone"},
		"the realm lost the grant":      {after(func(w world) { w.apply(withGrants(v1alpha1.GrantPassword)) }), 404, "device.enter", "grant_not_served"},
		"another session has decided":   {after(func(w world) { o := w.signedIn(); o.decides(o.confirmation(w.d), pages.DecisionDeny) }), 400, "device.allow", "user_code_decided"},
		"another session has let it in": {after(func(w world) { o := w.signedIn(); o.decides(o.confirmation(w.d), pages.DecisionAllow) }), 400, "device.allow", "user_code_decided"},
		"a request that was replaced": {after(func(w world) {
			old := w.asked(w.d)
			if err := w.store.Devices().Delete(w.Context(), "acme", old.Key, old.UID); err != nil {
				w.Fatal(err)
			}
			if err := w.store.Devices().Create(w.Context(), old); err != nil {
				w.Fatal(err)
			}
		}), 303, "device.allow", "form_of_another_session"},
	} {
		t.Run(name, func(t *testing.T) {
			f := interactive(t)
			w := world{fixture: f, v: f.signedIn(), d: f.waiting()}
			w.entry, w.choice = w.v.open("/device"), w.v.confirmation(w.d)
			s := tc.ask(w)
			if s.status != tc.status {
				t.Fatalf("%d %q; want %d", s.status, s.title, tc.status)
			}
			if s.status != http.StatusSeeOther && (s.header.Get("Content-Type") != "text/html; charset=utf-8" || s.header.Get("Content-Security-Policy") == "") {
				t.Errorf("headers %v; want those of a page", s.header)
			}
			for _, echoed := range []string{"<script>alert", "hunter2", "Set-Cookie:x"} {
				if strings.Contains(s.body, echoed) {
					t.Errorf("the page repeats %q", echoed)
				}
			}
			last := f.last()
			if tc.reason == "" && last["result"] != "success" || tc.reason != "" && (last["result"] != "failure" || last["reason"] != tc.reason) || last["action"] != tc.action {
				t.Errorf("audit = %v; want %s because of %q", last, tc.action, tc.reason)
			}
			f.holdsNothing(w.v)
			f.clean(w.d.userCode, strings.ReplaceAll(w.d.userCode, "-", ""), w.d.deviceCode, w.choice.hidden.Get(pages.FieldCSRF))
		})
	}
}

// TestDeviceFormOfAnotherSession: whoever signs in after the page was drawn decides for herself.
func TestDeviceFormOfAnotherSession(t *testing.T) {
	f := interactive(t)
	v, d := f.signedIn(), f.waiting()
	s := v.confirmation(d)
	name, _ := v.cookie("session")
	other := f.signedIn()
	_, v.cookies[name] = other.cookie("session")
	before := len(f.records())
	if asked := v.follow(v.decides(s, pages.DecisionAllow)); !strings.Contains(asked.body, `name="decision"`) {
		t.Errorf("%d %q; want to be asked about the device", asked.status, asked.title)
	}
	if record := f.records()[before]; record["reason"] != "form_of_another_session" {
		t.Errorf("audit = %v", record)
	}
	f.pending(d)
}
