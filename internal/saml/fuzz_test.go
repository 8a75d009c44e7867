package saml_test

import (
	"errors"
	"testing"

	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/samltest"
)

// FuzzResponse posts documents. Nobody but the holder of the key signs anybody in: what is accepted says what was signed.
func FuzzResponse(f *testing.F) {
	trusted := samltest.FixedKey(f, now)
	own := trusted
	p := provider(own, trusted)
	good := samltest.Response{Now: now}
	f.Add(samltest.XML(f, good.SignedAssertion(f, trusted)))
	f.Add(samltest.XML(f, good.SignedResponse(f, trusted)))
	f.Add(samltest.XML(f, good.Build(f)))
	encrypted := good.Build(f)
	samltest.Encrypt(f, encrypted, own, samltest.XML(f, samltest.Detached(samltest.Assertion(good.SignedAssertion(f, trusted)))), samltest.Encryption{})
	f.Add(samltest.XML(f, encrypted))
	for _, wrapped := range samltest.Wrappings(f, good, trusted) {
		f.Add(samltest.XML(f, wrapped))
	}
	f.Fuzz(func(t *testing.T, text string) {
		assertion, err := p.Response(samltest.Encode(text), expected)
		var refused *refusal.Error
		switch {
		case err == nil && (assertion.NameID.Value != "alice@example.com" || assertion.ID != "_assertion"):
			t.Errorf("accepted for %q: %q", assertion.NameID.Value, text)
		case err != nil && (!errors.As(err, &refused) || refused.Reason == ""):
			t.Errorf("refused without a reason: %v", err)
		}
	})
}
