package openid

import (
	"context"
	"errors"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// Bounds of the time between two questions, in seconds: a realm must neither be flooded nor make this program wait for ever.
const (
	defaultInterval = 5
	maxInterval     = 60
)

// Device is a sign-in that a person finishes on any device (RFC 8628).
type Device struct {
	// UserCode is what she enters at VerificationURI; VerificationURIComplete, if not empty, has it in the address.
	UserCode, VerificationURI, VerificationURIComplete string
	// ExpiresAt is when the code ends.
	ExpiresAt time.Time

	answer *oauth2.DeviceAuthResponse
	config *oauth2.Config
}

// BeginDevice asks for codes.
func (p *Provider) BeginDevice(ctx context.Context) (*Device, error) {
	config := p.config()
	answer, err := config.DeviceAuth(p.client(ctx))
	if err != nil {
		return nil, classify(err)
	}
	for _, address := range []string{answer.VerificationURI, answer.VerificationURIComplete} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https") {
			return nil, &Untrusted{What: "device authorization", Why: "its address is no https address"}
		}
	}
	if answer.DeviceCode == "" || answer.UserCode == "" || answer.VerificationURI == "" || answer.Expiry.IsZero() {
		return nil, &Untrusted{What: "device authorization", Why: "it lacks a code, an address or its end"}
	}
	if answer.Interval <= 0 {
		answer.Interval = defaultInterval
	}
	answer.Interval = min(answer.Interval, maxInterval)
	return &Device{
		UserCode: Printable(answer.UserCode), VerificationURI: Printable(answer.VerificationURI),
		VerificationURIComplete: Printable(answer.VerificationURIComplete), ExpiresAt: answer.Expiry, answer: answer, config: config,
	}, nil
}

// AwaitDevice asks until the person has decided or the code ends; then the error is a *Refusal with AccessDenied or ExpiredToken.
func (p *Provider) AwaitDevice(ctx context.Context, d *Device) (*Tokens, error) {
	for {
		// It ends at d.ExpiresAt by itself.
		answer, err := d.config.DeviceAccessToken(p.client(ctx), d.answer)
		switch {
		case err == nil:
			return p.accept(ctx, answer, expected{})
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case !time.Now().Before(d.ExpiresAt):
			return nil, &Refusal{Code: ExpiredToken, Description: "nobody confirmed the code in time"}
		}
		// A replica that restarts is no answer (RFC 8628 section 3.5): each round begins by waiting for the interval.
		if err = classify(err); !errors.As(err, new(*Unreachable)) {
			return nil, err
		}
	}
}
