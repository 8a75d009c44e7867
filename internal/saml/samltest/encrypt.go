package samltest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the hash that RSA-OAEP has unless a message names another
	"encoding/base64"
	"testing"

	"github.com/beevik/etree"
)

// Algorithms that Encrypt knows by heart.
const (
	AES128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	RSAOAEP   = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	RSA15     = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
)

// Encryption is how Encrypt encrypts. The zero value is AES-256-GCM under RSA-OAEP.
type Encryption struct {
	Content, Transport string
	// Spoil changes the ciphertext before it is written.
	Spoil func(ciphertext []byte)
}

// Encrypt puts an EncryptedAssertion with this plaintext in the place of the assertion of a response.
func Encrypt(t testing.TB, response *etree.Element, to Key, plaintext string, how Encryption) {
	t.Helper()
	content, transport := or(how.Content, AES256GCM), or(how.Transport, RSAOAEP)
	secret := make([]byte, 32)
	if content == AES128CBC || content == AES128GCM {
		secret = secret[:16]
	}
	_, _ = rand.Read(secret)
	ciphertext := sealed(t, content, secret, []byte(plaintext))
	if how.Spoil != nil {
		how.Spoil(ciphertext)
	}
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &to.Private.PublicKey, secret, nil) //nolint:gosec // OAEP's default
	if err != nil {
		t.Fatalf("encrypt a key: %v", err)
	}
	encrypted := Parse(t, `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData`+
		` xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">`+
		`<xenc:EncryptionMethod Algorithm="`+content+`"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>`+
		`<xenc:EncryptionMethod Algorithm="`+transport+`"/>`+cipherData(wrapped)+`</xenc:EncryptedKey></ds:KeyInfo>`+cipherData(ciphertext)+
		`</xenc:EncryptedData></saml:EncryptedAssertion>`)
	assertion := Assertion(response)
	response.InsertChildAt(assertion.Index(), encrypted)
	response.RemoveChild(assertion)
}

func cipherData(raw []byte) string {
	return `<xenc:CipherData><xenc:CipherValue>` + base64.StdEncoding.EncodeToString(raw) + `</xenc:CipherValue></xenc:CipherData>`
}

func sealed(t testing.TB, algorithm string, secret, plaintext []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(secret)
	if err != nil {
		t.Fatalf("make a cipher: %v", err)
	}
	if algorithm == AES128GCM || algorithm == AES256GCM {
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatalf("make a cipher: %v", err)
		}
		nonce := make([]byte, aead.NonceSize())
		_, _ = rand.Read(nonce)
		return aead.Seal(nonce, nonce, plaintext, nil)
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := append(bytes.Clone(plaintext), bytes.Repeat([]byte{byte(padding)}, padding)...)
	out := make([]byte, aes.BlockSize+len(padded))
	_, _ = rand.Read(out[:aes.BlockSize])
	//nolint:gosec // the vector is random, it was read a line above
	cipher.NewCBCEncrypter(block, out[:aes.BlockSize]).CryptBlocks(out[aes.BlockSize:], padded)
	return out
}
