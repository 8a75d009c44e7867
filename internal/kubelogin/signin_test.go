package kubelogin_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/kubelogin"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
	"github.com/watchword-io/watchword/test/fakerealm"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

func TestMethods(t *testing.T) {
	tests := map[string]struct {
		method  kubelogin.Method
		present bool
		without string
		grant   string
		fails   error
	}{
		"a browser is there":           {kubelogin.Auto, true, "", "authorization_code", nil},
		"no browser is there":          {kubelogin.Auto, false, "", deviceGrant, nil},
		"nor a device endpoint":        {kubelogin.Auto, false, "device_authorization_endpoint", "authorization_code", nil},
		"a device although a browser":  {kubelogin.Device, true, "", deviceGrant, nil},
		"a browser although none":      {kubelogin.Browser, false, "", "authorization_code", nil},
		"a password":                   {kubelogin.Password, true, "", "password", nil},
		"no device endpoint":           {kubelogin.Device, true, "device_authorization_endpoint", "", kubelogin.ErrNotOffered},
		"no authorization endpoint":    {kubelogin.Browser, true, "authorization_endpoint", "", kubelogin.ErrNotOffered},
		"no grants, so not a password": {kubelogin.Password, true, "grant_types_supported", "", kubelogin.ErrNotOffered},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.Behave(func(b *fakerealm.Behaviour) { b.Metadata = func(m map[string]any) { delete(m, test.without) } })
			a := b.asking(test.method)
			a.Present = test.present
			a.Line = func(context.Context, string) (string, error) { return fakerealm.Username, nil }
			a.Secret = func(context.Context, string) (string, error) { return fakerealm.Password, nil }
			tokens, err := b.signIn(a)
			if !errors.Is(err, test.fails) || err == nil && tokens.Subject != fakerealm.Subject {
				t.Fatalf("got %v, want %v", err, test.fails)
			}
			if test.grant != "" {
				b.counted(test.grant, 1)
			}
		})
	}
}

func (b *bench) signIn(a *kubelogin.Asking) (*openid.Tokens, error) {
	b.t.Helper()
	p, err := b.session().Connect(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return a.SignIn(b.t.Context(), p)
}

func TestWrongPassword(t *testing.T) {
	b := newBench(t)
	a := b.asking(kubelogin.Password)
	a.Username = "bob"
	a.Secret = func(_ context.Context, question string) (string, error) {
		if !strings.Contains(question, "bob") {
			t.Errorf("asked %q without saying whose", question)
		}
		return "wrong-secret", nil
	}
	var refusal *openid.Refusal
	if _, err := b.signIn(a); !errors.As(err, &refusal) || refusal.Code != openid.InvalidGrant || strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("got %v, want invalid_grant", err)
	}
	if strings.Contains(b.words(), "wrong-secret") {
		t.Error("the password was said")
	}
}

func TestNobodyFinishes(t *testing.T) {
	for _, method := range []kubelogin.Method{kubelogin.Browser, kubelogin.Device} {
		b := newBench(t)
		b.Behave(func(b *fakerealm.Behaviour) { b.DevicePending = 1000 })
		a := b.asking(method)
		a.Timeout = 100 * time.Millisecond
		a.Open = func(string) error { return nil }
		if _, err := b.signIn(a); !errors.Is(err, kubelogin.ErrTimeout) {
			t.Errorf("%s: got %v, want that nobody came", method, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	b := newBench(t)
	p, err := b.session().Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	a := b.asking(kubelogin.Browser)
	a.Open = func(string) error { cancel(); return nil }
	if _, err := a.SignIn(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the interruption", err)
	}
}

// TestWithoutOpening shows that a person can carry the address to the browser herself.
func TestWithoutOpening(t *testing.T) {
	b := newBench(t)
	for name, open := range map[string]func(string) error{
		"told not to": nil,
		"no program":  func(string) error { return errors.New("xdg-open is missing") },
	} {
		a := b.asking(kubelogin.Browser)
		a.Open = open
		a.Say = func(format string, args ...any) {
			b.say(format, args...)
			if address, ok := args[0].(string); ok {
				go func() { _, _ = fakerealm.Browse(b.Browser(), address) }()
			}
		}
		if _, err := b.signIn(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStrangersAnswers shows that an answer with another state ends nothing: the person's own still counts.
func TestStrangersAnswers(t *testing.T) {
	b := newBench(t)
	a := b.asking(kubelogin.Browser)
	a.Open = func(address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		evil := u.Query().Get("redirect_uri") + "?code=EVIL&state=EVIL&iss=" + url.QueryEscape(b.Issuer())
		if status, err := fakerealm.Browse(b.Browser(), evil); err != nil || status != 400 {
			t.Errorf("the stranger got %d, %v", status, err)
		}
		status, err := fakerealm.Browse(b.Browser(), address)
		if status != 200 {
			t.Errorf("the person's browser shows %d", status)
		}
		return err
	}
	if _, err := b.signIn(a); err != nil {
		t.Error(err)
	}
}

func TestHostileAnswersInTheBrowser(t *testing.T) {
	for name, change := range map[string]func(url.Values){
		"no iss":      func(v url.Values) { v.Del("iss") },
		"another iss": func(v url.Values) { v.Set("iss", "https://evil.example") },
		"denied":      func(v url.Values) { v.Set("error", "access_denied") },
	} {
		b := newBench(t)
		b.Behave(func(b *fakerealm.Behaviour) { b.Response = change })
		shown := make(chan int, 1)
		a := b.asking(kubelogin.Browser)
		a.Open = func(address string) error {
			status, err := fakerealm.Browse(b.Browser(), address)
			shown <- status
			return err
		}
		if _, err := b.signIn(a); err == nil {
			t.Errorf("%s: the answer was believed", name)
		}
		if status := <-shown; status != 400 {
			t.Errorf("%s: the browser shows %d, want that she is not signed in", name, status)
		}
		b.counted("authorization_code", 0)
	}
}
