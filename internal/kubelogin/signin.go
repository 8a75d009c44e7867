package kubelogin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watchword-io/watchword/internal/kubelogin/browser"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
)

// Method is how a person signs in.
type Method string

// The methods.
const (
	// Auto is Browser where one appears before the person, else Device.
	Auto     Method = "auto"
	Browser  Method = "browser"
	Device   Method = "device"
	Password Method = "password"
)

var (
	// ErrTimeout means that nobody finished signing in.
	ErrTimeout = errors.New("nobody finished signing in")
	// ErrNotOffered means that the realm does not offer the way to sign in that was asked for.
	ErrNotOffered = errors.New("the realm does not offer this way to sign in")
)

// Asking is how a person is asked to sign in.
type Asking struct {
	Method Method
	// Username is suggested on the page, and needed by Password; empty asks for it.
	Username string
	// Again asks her even if her browser is signed in to the realm.
	Again bool
	// Timeout ends the wait for a person.
	Timeout time.Duration
	// Present tells whether a browser opened here appears before the person.
	Present bool
	// Open opens an address. Nil leaves that to the person.
	Open func(address string) error
	// Line asks for a line of text, and Secret for one that is not shown.
	Line, Secret func(ctx context.Context, question string) (string, error)
	// Say tells the person something.
	Say func(format string, args ...any)
}

// SignIn asks the person, and returns what the realm then gave. Errors are ErrTimeout, ErrNotOffered, or those of openid.
func (a *Asking) SignIn(ctx context.Context, p *openid.Provider) (*openid.Tokens, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout, ErrTimeout)
	defer cancel()
	tokens, err := a.by(p)(ctx, p)
	if err != nil && errors.Is(context.Cause(ctx), ErrTimeout) {
		return nil, fmt.Errorf("%w within %s", ErrTimeout, a.Timeout)
	}
	return tokens, err
}

func (a *Asking) by(p *openid.Provider) func(context.Context, *openid.Provider) (*openid.Tokens, error) {
	switch {
	case a.Method == Password:
		return a.password
	case a.Method == Device, a.Method == Auto && !a.Present && p.OffersDevice():
		return a.device
	}
	return a.browser
}

func (a *Asking) browser(ctx context.Context, p *openid.Provider) (*openid.Tokens, error) {
	if !p.OffersBrowser() {
		return nil, fmt.Errorf("sign in by browser: %w", ErrNotOffered)
	}
	state := openid.NewState()
	receiver, err := browser.Listen(ctx, state)
	if err != nil {
		return nil, err
	}
	defer receiver.Close()
	authorization := p.Authorize(receiver.RedirectURI(), state, a.Username, a.Again)
	if a.Open == nil {
		a.Say("open this address in a browser on this computer:\n  %s", authorization.URL)
	} else {
		a.Say("sign in in your browser; if none opens, open this address on this computer:\n  %s", authorization.URL)
		// Some programs return only when the browser is closed.
		go func() {
			if err := a.Open(authorization.URL); err != nil {
				a.Say("no browser could be opened here: %v", err)
			}
		}()
	}
	response, err := receiver.Wait(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := p.Redeem(ctx, authorization, response)
	receiver.Finish(err)
	return tokens, err
}

func (a *Asking) device(ctx context.Context, p *openid.Provider) (*openid.Tokens, error) {
	if !p.OffersDevice() {
		return nil, fmt.Errorf("sign in by device code: %w", ErrNotOffered)
	}
	device, err := p.BeginDevice(ctx)
	if err != nil {
		return nil, err
	}
	a.Say("on any device, open\n  %s\nand enter the code\n  %s", device.VerificationURI, device.UserCode)
	if device.VerificationURIComplete != "" {
		a.Say("or open the address that has it, and compare the code:\n  %s", device.VerificationURIComplete)
	}
	return p.AwaitDevice(ctx, device)
}

func (a *Asking) password(ctx context.Context, p *openid.Provider) (*openid.Tokens, error) {
	if !p.Supports("password") {
		return nil, fmt.Errorf("sign in by password: %w", ErrNotOffered)
	}
	username := a.Username
	if username == "" {
		var err error
		if username, err = a.Line(ctx, "User name: "); err != nil {
			return nil, err
		}
	}
	secret, err := a.Secret(ctx, "Password of "+username+": ")
	if err != nil {
		return nil, err
	}
	return p.Password(ctx, username, secret)
}
