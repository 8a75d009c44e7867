package realm

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// must fails the test on an error of the helpers that make certificates.
func must(t *testing.T) func(*pair, error) *pair {
	return func(p *pair, err error) *pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}

func TestServingCertificate(t *testing.T) {
	authority := must(t)(newAuthority("test", start))
	serving := must(t)(newServing([]string{"id.example.com", "10.0.0.7"}, authority, start))
	roots := x509.NewCertPool()
	roots.AddCert(authority.cert)
	for _, name := range []string{"id.example.com", "10.0.0.7"} {
		_, err := serving.cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: start, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		if err != nil {
			t.Errorf("verify for %s: %v", name, err)
		}
	}
	if serving.cert.IsCA || serving.cert.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("a serving certificate must not be able to sign others")
	}
	if !authority.cert.MaxPathLenZero {
		t.Error("the authority should sign leaf certificates only")
	}
	if got, want := serving.cert.NotAfter.Sub(start), 90*day; got != want {
		t.Errorf("serving certificate lives %s, want %s", got, want)
	}
}

func TestServingCertificateEndsWithItsAuthority(t *testing.T) {
	authority := must(t)(newAuthority("test", start))
	serving := must(t)(newServing([]string{"id.example.com"}, authority, authority.cert.NotAfter.Add(-day)))
	if serving.cert.NotAfter.After(authority.cert.NotAfter) {
		t.Errorf("serving certificate ends at %s, after its authority at %s", serving.cert.NotAfter, authority.cert.NotAfter)
	}
}

func TestMustRenew(t *testing.T) {
	authority := must(t)(newAuthority("test", start))
	other := must(t)(newAuthority("test", start))
	names := []string{"id.example.com", "10.0.0.7"}
	tests := map[string]struct {
		names     []string
		authority *pair
		now       time.Time
		want      bool
	}{
		"fresh":                  {names, authority, start, false},
		"order of names":         {[]string{"10.0.0.7", "id.example.com"}, authority, start, false},
		"one name more":          {append(names, "b.example.com"), authority, start, true},
		"one name less":          {names[:1], authority, start, true},
		"another authority":      {names, other, start, true},
		"before two thirds":      {names, authority, start.Add(59 * day), false},
		"after two thirds":       {names, authority, start.Add(60 * day), true},
		"from the future, clock": {names, authority, start.Add(-day), true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			serving := must(t)(newServing(names, authority, start))
			if got := mustRenew(serving, tc.names, tc.authority, tc.now); got != tc.want {
				t.Errorf("mustRenew = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestServingNames(t *testing.T) {
	got := servingNames("id.example.com", []string{"10.0.0.7", "id.example.com", "2001:0db8::1", "2001:db8:0::1"})
	want := []string{"id.example.com", "10.0.0.7", net.ParseIP("2001:db8::1").String()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestAuthorityLife(t *testing.T) {
	advance := func(a *authority, now time.Time) (*authority, time.Time) {
		t.Helper()
		next, wake, err := a.advance("test", now)
		if err != nil {
			t.Fatal(err)
		}
		if !wake.After(now) {
			t.Fatalf("at %s the next look is at %s, want a later time", now, wake)
		}
		return next, wake
	}
	first, due := advance(nil, start)
	if same, _ := advance(first, start.Add(day)); !same.current.cert.Equal(first.current.cert) || same.next != nil {
		t.Fatal("nothing should change before two thirds of its life")
	}

	// The next certificate is published while the first still signs.
	overlap, promote := advance(first, due)
	if overlap.next == nil || !overlap.current.cert.Equal(first.current.cert) {
		t.Fatal("at two thirds of its life a successor should be published, and the first still sign")
	}
	if got := countCertificates(overlap.certificates()); got != 2 {
		t.Errorf("the bundle has %d certificates during the overlap, want 2", got)
	}
	if got := promote.Sub(due); got < authorityOverlap {
		t.Errorf("the successor signs after %s, want at least %s", got, authorityOverlap)
	}
	if again, _ := advance(overlap, due.Add(time.Hour)); !again.next.cert.Equal(overlap.next.cert) {
		t.Error("a restart during the overlap should not make another successor")
	}

	// Then it signs, and the first stays in the bundle until it expires.
	second, _ := advance(overlap, promote)
	if !second.current.cert.Equal(overlap.next.cert) || second.next != nil || countCertificates(second.certificates()) != 2 {
		t.Error("after the overlap the successor should sign, with both certificates published")
	}
	last, _ := advance(second, first.current.cert.NotAfter)
	if last.previous != nil || countCertificates(last.certificates()) != 1 {
		t.Error("an expired authority should leave the bundle")
	}
	// Nobody looked for eleven years.
	if fresh, _ := advance(first, first.current.cert.NotAfter.Add(365*day)); fresh.current.cert.Equal(first.current.cert) {
		t.Error("an expired authority should be replaced")
	}
}

func TestReadAuthority(t *testing.T) {
	a, _, err := (*authority)(nil).advance("test", start)
	if err != nil {
		t.Fatal(err)
	}
	serving := must(t)(newServing([]string{"a.example.com"}, a.current, start))
	secret := func(data map[string][]byte) *corev1.Secret { return &corev1.Secret{Data: data} }
	tests := map[string]struct {
		secret *corev1.Secret
		want   bool
	}{
		"none":               {nil, false},
		"empty":              {secret(nil), false},
		"ours":               {secret(map[string][]byte{"tls.crt": a.current.certPEM, "tls.key": a.current.keyPEM}), true},
		"key of another":     {secret(map[string][]byte{"tls.crt": a.current.certPEM, "tls.key": serving.keyPEM}), false},
		"not an authority":   {secret(map[string][]byte{"tls.crt": serving.certPEM, "tls.key": serving.keyPEM}), false},
		"not a certificate":  {secret(map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("y")}), false},
		"successor damaged":  {secret(map[string][]byte{"tls.crt": a.current.certPEM, "tls.key": a.current.keyPEM, "next.crt": []byte("x")}), true},
		"successor no match": {secret(map[string][]byte{"tls.crt": a.current.certPEM, "tls.key": a.current.keyPEM, "next.crt": serving.certPEM, "next.key": serving.keyPEM}), true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := readAuthority(tc.secret)
			if (got != nil) != tc.want {
				t.Errorf("readAuthority = %v, want one: %v", got, tc.want)
			}
			if got != nil && got.next != nil {
				t.Error("a damaged successor should be made again")
			}
		})
	}
}

func countCertificates(bundle []byte) int {
	count := 0
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		count++
	}
	return count
}
