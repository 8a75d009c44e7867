package xmlsec_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/samltest"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

const (
	xenc   = "http://www.w3.org/2001/04/xmlenc#"
	xenc11 = "http://www.w3.org/2009/xmlenc11#"
)

// TestTransports opens what providers write: the hashes of OAEP in every notation, and the key beside the data as Okta has it.
func TestTransports(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	key, other := samltest.FixedKey(t, now), samltest.NewKey(t, now)
	digest := func(uri string) string { return `<ds:DigestMethod Algorithm="` + uri + `"/>` }
	mask := func(uri string) string { return `<e11:MGF Algorithm="` + xenc11 + uri + `"/>` }
	method := func(algorithm, parameters string) string {
		return `<xenc:EncryptionMethod Algorithm="` + algorithm + `">` + parameters + `</xenc:EncryptionMethod>`
	}
	const sha1 = "http://www.w3.org/2000/09/xmldsig#sha1"
	tests := map[string]struct {
		method    string
		hash, mgf crypto.Hash
		beside    bool
		change    func(string) string
		want      refusal.Reason
	}{
		"no parameters":        {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA1, mgf: crypto.SHA1},
		"SHA-1 named":          {method: method(xenc+"rsa-oaep-mgf1p", digest(sha1)), hash: crypto.SHA1, mgf: crypto.SHA1},
		"SHA-256 over MGF1":    {method: method(xenc+"rsa-oaep-mgf1p", digest(xenc+"sha256")), hash: crypto.SHA256, mgf: crypto.SHA1},
		"1.1, SHA-256 in both": {method: method(xenc11+"rsa-oaep", digest(xenc+"sha256")+mask("mgf1sha256")), hash: crypto.SHA256, mgf: crypto.SHA256},
		"beside the data":      {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA1, mgf: crypto.SHA1, beside: true},

		"RSA1_5":          {method: method(xenc+"rsa-1_5", ""), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.KeyTransport},
		"MD5":             {method: method(xenc+"rsa-oaep-mgf1p", digest("http://www.w3.org/2001/04/xmldsig-more#md5")), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.KeyTransport},
		"MGF in the old":  {method: method(xenc+"rsa-oaep-mgf1p", mask("mgf1sha256")), hash: crypto.SHA1, mgf: crypto.SHA256, want: refusal.KeyTransport},
		"OAEPparams":      {method: method(xenc+"rsa-oaep-mgf1p", "<xenc:OAEPparams/>"), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.KeyTransport},
		"another hash":    {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA256, mgf: crypto.SHA256, want: refusal.DecryptionFailed},
		"no method":       {hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.EncryptionMalformed},
		"a reference":     {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.EncryptionMalformed, change: func(s string) string { return strings.ReplaceAll(s, "CipherValue", "CipherReference") }},
		"no data":         {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.EncryptionMalformed, change: func(s string) string { return strings.ReplaceAll(s, "EncryptedData", "Other") }},
		"no key":          {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.EncryptionMalformed, change: func(s string) string { return strings.ReplaceAll(s, "EncryptedKey", "Other") }},
		"128-bit content": {method: method(xenc+"rsa-oaep-mgf1p", ""), hash: crypto.SHA1, mgf: crypto.SHA1, want: refusal.DecryptionFailed, change: func(s string) string { return strings.Replace(s, "aes256-gcm", "aes128-gcm", 1) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := sealed(t, &key.Private.PublicKey, test.method, &rsa.OAEPOptions{Hash: test.hash, MGFHash: test.mgf}, test.beside)
			if test.change != nil {
				text = test.change(text)
			}
			plaintext, err := xmlsec.Decrypt(samltest.Parse(t, text), []crypto.Decrypter{other.Private, key.Private})
			if got := refusal.Of(err); got != test.want || test.want == "" && string(plaintext) != "<a/>" {
				t.Errorf("Decrypt returns %q, %v; want %q", plaintext, err, test.want)
			}
		})
	}
}

// sealed encrypts <a/>, with AES-256-GCM.
func sealed(t *testing.T, to *rsa.PublicKey, method string, options *rsa.OAEPOptions, beside bool) string {
	t.Helper()
	secret, nonce := make([]byte, 32), make([]byte, 12)
	_, _ = rand.Read(secret)
	_, _ = rand.Read(nonce)
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, to, secret, options)
	if err != nil {
		t.Fatal(err)
	}
	value := func(raw []byte) string {
		return "<xenc:CipherData><xenc:CipherValue>\n" + base64.StdEncoding.EncodeToString(raw) + "\n</xenc:CipherValue></xenc:CipherData>"
	}
	key := "<xenc:EncryptedKey>" + method + value(wrapped) + "</xenc:EncryptedKey>"
	data := `<xenc:EncryptionMethod Algorithm="` + xenc11 + `aes256-gcm"/>`
	if !beside {
		data += "<ds:KeyInfo>" + key + "</ds:KeyInfo>"
		key = ""
	}
	return `<e xmlns:xenc="` + xenc + `" xmlns:e11="` + xenc11 + `" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedData>` + data +
		value(aead.Seal(nonce, nonce, []byte("<a/>"), nil)) + "</xenc:EncryptedData>" + key + "</e>"
}
