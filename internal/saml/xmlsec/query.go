package xmlsec

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// The parameters of HTTP-Redirect (Bindings section 3.4.4).
const (
	Request    = "SAMLRequest"
	Response   = "SAMLResponse"
	relayState = "RelayState"
	sigAlg     = "SigAlg"
	signature  = "Signature"
	encoding   = "SAMLEncoding"

	deflateEncoding = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
)

// SignQuery returns the query that carries a deflated, base64-encoded message, with a detached signature unless s is nil. name is Request or
// Response; an empty relay is left out.
func (s *Signer) SignQuery(name, message, relay string) (string, error) {
	query := name + "=" + url.QueryEscape(message)
	if relay != "" {
		query += "&" + relayState + "=" + url.QueryEscape(relay)
	}
	if s == nil {
		return query, nil
	}
	query += "&" + sigAlg + "=" + url.QueryEscape(RSASHA256)
	raw, err := s.sign(query)
	if err != nil {
		return "", err
	}
	return query + "&" + signature + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(raw)), nil
}

// Query is what the query of HTTP-Redirect said, as it was written and decoded.
type Query struct {
	// Name is Request or Response.
	Name string
	// Message is base64 of the deflated message, and RelayState what came with it.
	Message, RelayState string

	raw map[string]string
}

// ParseQuery reads the raw query of a URL. Parameters that are not the binding's are ignored; any of the binding's twice, spelled with
// percent signs, or both a request and a response, is refused, since who signed and who reads must see the same.
func ParseQuery(rawQuery string) (Query, error) {
	q := Query{raw: map[string]string{}}
	decoded := map[string]string{}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			continue
		}
		switch plain {
		case Request, Response, relayState, sigAlg, signature, encoding:
		default:
			continue
		}
		text, err := url.QueryUnescape(value)
		if _, twice := q.raw[plain]; twice || plain != name || err != nil {
			return Query{}, refusal.New(refusal.QueryMalformed, "%s", plain)
		}
		q.raw[plain], decoded[plain] = value, text
	}
	_, request := decoded[Request]
	_, response := decoded[Response]
	switch {
	case request && response:
		return Query{}, refusal.New(refusal.QueryMalformed, "a request and a response")
	case request:
		q.Name = Request
	case response:
		q.Name = Response
	default:
		return Query{}, refusal.New(refusal.MessageMissing, "")
	}
	if named, there := decoded[encoding]; there && named != deflateEncoding {
		return Query{}, refusal.New(refusal.QueryMalformed, "encoding %q", named)
	}
	q.Message, q.RelayState = decoded[q.Name], decoded[relayState]
	return q, nil
}

// Verify checks the detached signature (Bindings section 3.4.4.1) against any of the certificates that Usable returns. What was signed are
// the values as they were written in the URL: writing them again could spell them differently.
func (q Query) Verify(certificates []*x509.Certificate, now time.Time) error {
	rawAlgorithm, named := q.raw[sigAlg]
	rawSignature, signed := q.raw[signature]
	if !named || !signed {
		return refusal.New(refusal.SignatureMissing, "the query is not signed")
	}
	algorithm, _ := url.QueryUnescape(rawAlgorithm)
	hash, err := signatureHash(algorithm)
	if err != nil {
		return err
	}
	text, _ := url.QueryUnescape(rawSignature)
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return refusal.New(refusal.SignatureMalformed, "Signature is not base64")
	}
	usable := Usable(certificates, now)
	if len(usable) == 0 {
		return refusal.New(refusal.NoSigningCertificate, "%d certificates, none of them valid now", len(certificates))
	}
	digest := hash.New()
	digest.Write([]byte(q.signedText()))
	sum := digest.Sum(nil)
	for _, certificate := range usable {
		if verify(certificate, hash, sum, raw) {
			return nil
		}
	}
	return refusal.New(refusal.SignatureInvalid, "of the query")
}

// signedText is in the order of the binding, whatever that of the URL is.
func (q Query) signedText() string {
	text := q.Name + "=" + q.raw[q.Name]
	if relay, there := q.raw[relayState]; there {
		text += "&" + relayState + "=" + relay
	}
	return text + "&" + sigAlg + "=" + q.raw[sigAlg]
}

func verify(certificate *x509.Certificate, hash crypto.Hash, digest, raw []byte) bool {
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	return ok && rsa.VerifyPKCS1v15(key, hash, digest, raw) == nil
}
