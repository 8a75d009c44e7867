package clientauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What a whole request makes of an assertion is tested in internal/server. Here is what needs no request.

// FuzzParse: whatever a stranger sends, it is refused with one answer, or says who signed it in an algorithm that we verify.
func FuzzParse(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, claims := range []string{
		`{"iss":"a","sub":"a","aud":"b","jti":"c","exp":1,"iat":1.5}`, `{"aud":["a","b"],"exp":1e300}`, `{"iss":"a","iss":"b"}`, `[]`, `null`, `{"aud":{}}`,
	} {
		signed, err := signer.Sign([]byte(claims))
		if err != nil {
			f.Fatal(err)
		}
		compact, err := signed.CompactSerialize()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(compact)
	}
	for _, seed := range []string{"", "..", "e30.e30.", "eyJhbGciOiJub25lIn0.e30.", strings.Repeat("a", maxAssertion+1)} {
		f.Add(seed)
	}
	decoys := newDecoys()
	f.Fuzz(func(t *testing.T, compact string) {
		a, refused := parse(compact)
		if refused != nil {
			if refused.Code != "invalid_client" || refused.Reason == "" || a != nil {
				t.Fatalf("refused with %+v and %v", refused, a)
			}
			return
		}
		if len(compact) > maxAssertion || !slices.Contains(Algorithms(), a.algorithm) || decoys[a.algorithm] == nil {
			t.Errorf("%q was let through with algorithm %q", compact, a.algorithm)
		}
		if decoys.verify(a, nil) {
			t.Error("no key verified a signature")
		}
		if a.Expires.Year() < 1 || a.Expires.Year() > 12_000 {
			t.Errorf("exp is in the year %d", a.Expires.Year())
		}
	})
}

// Every algorithm that is offered has a decoy, or its refusals would be quicker for unknown clients.
func TestDecoysForEveryAlgorithm(t *testing.T) {
	decoys := newDecoys()
	for _, algorithm := range Algorithms() {
		if decoys[algorithm] == nil {
			t.Errorf("no decoy for %s", algorithm)
		}
	}
}

func TestAudienceOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		json string
		want bool
	}{
		"a string": {`"us"`, true}, "a list": {`["us"]`, true}, "two": {`["us","them"]`, false}, "twice": {`["us","us"]`, false},
		"another": {`"them"`, false}, "none": {`[]`, false}, "null": {`null`, false}, "prefix": {`"us/"`, false},
	} {
		var a audience
		if err := a.UnmarshalJSON([]byte(tc.json)); err != nil || a.only("us") != tc.want {
			t.Errorf("%s: only(us) = %v, %v; want %v", name, a.only("us"), err, tc.want)
		}
	}
	var a audience
	for _, wrong := range []string{`1`, `{}`, `[1]`, `[["us"]]`} {
		if a.UnmarshalJSON([]byte(wrong)) == nil {
			t.Errorf("%s is no audience", wrong)
		}
	}
}

func TestNumericDate(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1795435200": time.Unix(1795435200, 0), "1795435200.9": time.Unix(1795435200, 0), "1.7954352e9": time.Unix(1795435200, 0),
		"-1": time.Unix(1, 0), "0": time.Unix(1, 0), "1e308": time.Unix(1, 0),
	} {
		var d numericDate
		if err := d.UnmarshalJSON([]byte(text)); err != nil || !d.Equal(want) {
			t.Errorf("%s = %v, %v; want %v", text, d.Time, err, want)
		}
	}
	for _, wrong := range []string{`"1"`, `true`, `[]`, `1e309`, `NaN`} {
		var d numericDate
		if err := d.UnmarshalJSON([]byte(wrong)); err == nil {
			t.Errorf("%s is no date, and became %v", wrong, d.Time)
		}
	}
}
