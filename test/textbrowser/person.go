package textbrowser

import (
	"context"
	"errors"

	"github.com/watchword-io/watchword/internal/server/pages"
)

// Someone is a person in front of the browser.
type Someone struct{ Username, Password string }

// SignIn opens an address that asks for a sign-in, signs in, and returns where that led. Somebody whom the browser knows already is
// not asked, and the page is where the address led by itself.
func (b *Browser) SignIn(ctx context.Context, address string, as Someone) (*Page, error) {
	page, err := b.Open(ctx, address)
	if err != nil || !page.AsksForPassword() {
		return page, err
	}
	return page.SignIn(ctx, as)
}

// AsksForPassword tells the sign-in page from others.
func (p *Page) AsksForPassword() bool { return p.Form != nil && p.Form.Values.Has(pages.FieldPassword) }

// SignIn fills in the sign-in page.
func (p *Page) SignIn(ctx context.Context, as Someone) (*Page, error) {
	return p.Submit(ctx, Fields{pages.FieldUsername: as.Username, pages.FieldPassword: as.Password})
}

// errNotConfirmed is a device page that did not end as it should.
var errNotConfirmed = errors.New("the device was not let in")

// Confirm opens the complete address that a device shows (RFC 8628 section 3.3.1), signs in if it is asked to, enters the code if it
// is asked to, and allows the device in. It returns the last page.
func (b *Browser) Confirm(ctx context.Context, address string, as Someone) (*Page, error) {
	page, err := b.SignIn(ctx, address, as)
	if err != nil {
		return nil, err
	}
	if page.Form != nil && page.Form.Values.Has(pages.FieldUserCode) && page.Form.Buttons[pages.FieldDecision] == nil {
		if page, err = page.Submit(ctx, nil); err != nil {
			return nil, err
		}
	}
	if page, err = page.Submit(ctx, Fields{pages.FieldDecision: pages.DecisionAllow}); err != nil {
		return nil, err
	}
	if page.Status != 200 || page.Form != nil {
		return nil, page.unexpected(errNotConfirmed)
	}
	return page, nil
}
