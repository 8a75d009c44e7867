package saml_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/saml"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/samltest"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

// otherSide makes an identity provider's messages: to it, we are the provider.
var otherSide = &saml.Provider{Audience: samltest.EntityID}

var leaving = saml.LogoutRequest{
	ID:             "_logout",
	NameID:         saml.NameID{Value: "alice@example.com", Format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", SPNameQualifier: samltest.Audience},
	SessionIndexes: []string{"_session", `<&">`},
}

func signer(key samltest.Key) *xmlsec.Signer {
	return &xmlsec.Signer{Key: key.Private, Certificate: key.Certificate}
}

// queryOf is what reaches our single logout service by redirect.
func queryOf(t testing.TB, m *saml.Message, relay string, by *xmlsec.Signer) string {
	t.Helper()
	location, err := m.Redirect(relay, by)
	if err != nil {
		t.Fatal(err)
	}
	target, query, _ := strings.Cut(location, "?")
	if target != samltest.SLO {
		t.Fatalf("the message goes to %q, want %q", target, samltest.SLO)
	}
	return query
}

func TestLogoutBothWays(t *testing.T) {
	trusted := samltest.NewKey(t, now)
	p := provider(trusted, trusted)
	request := otherSide.LogoutRequest(leaving, samltest.SLO, now)
	answer := otherSide.LogoutResponse("_answer", samltest.RequestID, samltest.SLO, true, now)

	want := &saml.Logout{Request: &leaving, RelayState: "a b&c=d/é"}
	got, err := p.RedirectedLogout(queryOf(t, request, "a b&c=d/é", signer(trusted)), saml.Expected{Now: now})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("a redirected request: %v, differs (-want +got):\n%s", err, diff)
	}
	name, value, err := request.Post(signer(trusted))
	if err != nil {
		t.Fatal(err)
	}
	got, err = p.PostedLogout(name, value, "a b&c=d/é", saml.Expected{Now: now})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("a posted request: %v, differs (-want +got):\n%s", err, diff)
	}
	want = &saml.Logout{Answered: samltest.RequestID}
	got, err = p.RedirectedLogout(queryOf(t, answer, "", signer(trusted)), expected)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("a redirected answer: %v, differs (-want +got):\n%s", err, diff)
	}
	// The order of the parameters is nobody's business, nor are parameters of others.
	pairs := strings.Split(queryOf(t, answer, "x", signer(trusted)), "&")
	slices.Reverse(pairs)
	if _, err := p.RedirectedLogout("utm=1&"+strings.Join(pairs, "&")+"&%zz", expected); err != nil {
		t.Errorf("parameters in another order: %v", err)
	}
}

func TestHostileRedirects(t *testing.T) {
	trusted, attacker := samltest.NewKey(t, now), samltest.NewKey(t, now)
	p := provider(trusted, trusted)
	request := otherSide.LogoutRequest(leaving, samltest.SLO, now)
	good := queryOf(t, request, "relay", signer(trusted))
	answer := func(id string, done bool) string {
		return queryOf(t, otherSide.LogoutResponse("_answer", id, samltest.SLO, done, now), "", signer(trusted))
	}
	unsigned := queryOf(t, request, "relay", nil)
	redirected := func(r saml.LogoutRequest, from *saml.Provider, when time.Time) string {
		return queryOf(t, from.LogoutRequest(r, samltest.SLO, when), "", signer(trusted))
	}
	elsewhere, err := otherSide.LogoutRequest(leaving, "https://other.example.org/slo", now).Redirect("", signer(trusted))
	if err != nil {
		t.Fatal(err)
	}
	_, elsewhere, _ = strings.Cut(elsewhere, "?")
	algorithm := url.QueryEscape(xmlsec.RSASHA256)
	// signed signs anything at all as a request.
	signed := func(message string) string {
		query, err := signer(trusted).SignQuery(xmlsec.Request, message, "")
		if err != nil {
			t.Fatal(err)
		}
		return query
	}
	tests := map[string]struct {
		query string
		want  refusal.Reason
	}{
		"nothing":                   {"", refusal.MessageMissing},
		"unsigned":                  {unsigned, refusal.SignatureMissing},
		"unsigned, with algorithm":  {unsigned + "&SigAlg=" + algorithm, refusal.SignatureMissing},
		"another's key":             {queryOf(t, request, "relay", signer(attacker)), refusal.SignatureInvalid},
		"SHA-1":                     {strings.Replace(good, algorithm, url.QueryEscape(samltest.SHA1), 1), refusal.SignatureAlgorithm},
		"another algorithm":         {strings.Replace(good, "rsa-sha256", "rsa-sha512", 1), refusal.SignatureInvalid},
		"no algorithm":              {strings.Replace(good, "&SigAlg="+algorithm, "", 1), refusal.SignatureMissing},
		"relay state changed":       {strings.Replace(good, "=relay", "=other", 1), refusal.SignatureInvalid},
		"relay state removed":       {strings.Replace(good, "&RelayState=relay", "", 1), refusal.SignatureInvalid},
		"relay state added":         {answer(samltest.RequestID, true) + "&RelayState=x", refusal.SignatureInvalid},
		"spelled differently":       {strings.Replace(good, "=relay", "=%72elay", 1), refusal.SignatureInvalid},
		"request becomes response":  {strings.Replace(good, "SAMLRequest", "SAMLResponse", 1), refusal.SignatureInvalid},
		"signature is not base64":   {strings.Replace(good, "&Signature=", "&Signature=%21", 1), refusal.SignatureMalformed},
		"message twice":             {good + "&SAMLRequest=x", refusal.QueryMalformed},
		"signature twice":           {good + "&Signature=x", refusal.QueryMalformed},
		"name with percent sign":    {strings.Replace(good, "SAMLRequest", "SAML%52equest", 1), refusal.QueryMalformed},
		"request and response":      {good + "&SAMLResponse=x", refusal.QueryMalformed},
		"bad escape":                {good + "&SAMLEncoding=%zz", refusal.QueryMalformed},
		"another encoding":          {good + "&SAMLEncoding=urn:x", refusal.QueryMalformed},
		"not base64":                {signed("%"), refusal.MessageEncoding},
		"not deflated":              {signed(base64.StdEncoding.EncodeToString([]byte("<a/>"))), refusal.MessageInflation},
		"deflate bomb":              {signed(samltest.Deflated(t, strings.Repeat(" ", 16<<20))), refusal.XMLTooLarge},
		"document type":             {signed(samltest.Deflated(t, "<!DOCTYPE a><a/>")), refusal.XMLDoctype},
		"something else":            {signed(samltest.Deflated(t, "<a/>")), refusal.MessageUnexpected},
		"enveloped signature too":   {signed(samltest.Deflated(t, `<a><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></a>`)), refusal.SignatureMisplaced},
		"of another issuer":         {redirected(leaving, &saml.Provider{Audience: "https://evil.example.com/"}, now), refusal.IssuerMismatch},
		"for another destination":   {elsewhere, refusal.DestinationMismatch},
		"expired":                   {redirected(leaving, otherSide, now.Add(-7*time.Minute)), refusal.Expired},
		"issued long ago":           {redirected(leaving, otherSide, now.Add(-time.Hour)), refusal.IssuedTooLongAgo},
		"issued in the future":      {redirected(leaving, otherSide, now.Add(time.Hour)), refusal.IssuedInFuture},
		"nobody":                    {redirected(saml.LogoutRequest{ID: "_a"}, otherSide, now), refusal.NameIDMissing},
		"empty session index":       {redirected(saml.LogoutRequest{ID: "_a", NameID: leaving.NameID, SessionIndexes: []string{""}}, otherSide, now), refusal.MessageUnexpected},
		"no ID":                     {redirected(saml.LogoutRequest{NameID: leaving.NameID}, otherSide, now), refusal.IDMissing},
		"answer to another request": {answer("_other", true), refusal.InResponseToMismatch},
		"answer without success":    {answer(samltest.RequestID, false), refusal.StatusNotSuccess},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			logout, err := p.RedirectedLogout(test.query, expected)
			if got := refusal.Of(err); got != test.want || logout != nil {
				t.Errorf("RedirectedLogout says %q (%v), want %q", got, err, test.want)
			}
		})
	}
	if _, err := p.RedirectedLogout(answer(samltest.RequestID, true), saml.Expected{Now: now}); refusal.Of(err) != refusal.Unsolicited {
		t.Errorf("an answer to no request: %v, want %s", err, refusal.Unsolicited)
	}
	p.SLO = ""
	if _, err := p.RedirectedLogout(good, expected); refusal.Of(err) != refusal.LogoutUnavailable {
		t.Errorf("without single logout: %v, want %s", err, refusal.LogoutUnavailable)
	}
}

func TestHostilePosts(t *testing.T) {
	trusted, attacker := samltest.NewKey(t, now), samltest.NewKey(t, now)
	p := provider(trusted, trusted)
	post := func(by *xmlsec.Signer, change ...string) string {
		_, value, err := otherSide.LogoutRequest(leaving, samltest.SLO, now).Post(by)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := base64.StdEncoding.DecodeString(value)
		return samltest.Encode(strings.NewReplacer(change...).Replace(string(raw)))
	}
	tests := map[string]struct {
		name, value string
		want        refusal.Reason
	}{
		"unsigned":           {xmlsec.Request, post(nil), refusal.SignatureMissing},
		"another's key":      {xmlsec.Request, post(signer(attacker)), refusal.SigningCertificateUnknown},
		"somebody else":      {xmlsec.Request, post(signer(trusted), "alice@", "admin@"), refusal.SignatureInvalid},
		"as a response":      {xmlsec.Response, post(signer(trusted)), refusal.MessageUnexpected},
		"as nothing":         {"", post(signer(trusted)), refusal.MessageUnexpected},
		"comment":            {xmlsec.Request, post(signer(trusted), "alice@", "alice@<!-- -->"), refusal.XMLComment},
		"identifiers double": {xmlsec.Request, post(signer(trusted), "<saml:NameID ", `<saml:NameID ID="_logout" `), refusal.DuplicateID},
		"deflated":           {xmlsec.Request, samltest.Deflated(t, "<a/>"), refusal.MessageDeflated},
		"nothing":            {xmlsec.Request, "", refusal.MessageMissing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			logout, err := p.PostedLogout(test.name, test.value, "", expected)
			if got := refusal.Of(err); got != test.want || logout != nil {
				t.Errorf("PostedLogout says %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

// FuzzLogout sends messages by redirect, and the same by form. Nobody but the holder of the key signs anybody out.
func FuzzLogout(f *testing.F) {
	trusted := samltest.FixedKey(f, now)
	p := provider(trusted, trusted)
	request := otherSide.LogoutRequest(leaving, samltest.SLO, now)
	f.Add(queryOf(f, request, "relay", signer(trusted)))
	f.Add(queryOf(f, request, "relay", nil))
	f.Add(queryOf(f, otherSide.LogoutResponse("_answer", samltest.RequestID, samltest.SLO, true, now), "", signer(trusted)))
	_, posted, err := request.Post(signer(trusted))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(posted)
	f.Fuzz(func(t *testing.T, message string) {
		byRedirect, redirectErr := p.RedirectedLogout(message, expected)
		byPost, postErr := p.PostedLogout(xmlsec.Request, message, "", expected)
		for _, err := range []error{redirectErr, postErr} {
			var refused *refusal.Error
			if err != nil && (!errors.As(err, &refused) || refused.Reason == "") {
				t.Errorf("refused without a reason: %v", err)
			}
		}
		for _, logout := range []*saml.Logout{byRedirect, byPost} {
			if logout != nil && logout.Request != nil && logout.Request.NameID != leaving.NameID {
				t.Errorf("somebody else signs out: %q", message)
			}
		}
	})
}
