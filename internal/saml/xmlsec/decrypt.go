package xmlsec

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // OAEP's default hash: it needs no collision resistance (RFC 8017 section 7.1)
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Algorithms of XML Encryption 1.1 (sections 5.2 and 5.5). RSA1_5 and triple DES are not among them.
const (
	aes128CBC = document.Encryption + "aes128-cbc"
	aes256CBC = document.Encryption + "aes256-cbc"
	aes128GCM = encryption11 + "aes128-gcm"
	aes256GCM = encryption11 + "aes256-gcm"
	rsaOAEP   = document.Encryption + "rsa-oaep-mgf1p"
	rsaOAEP11 = encryption11 + "rsa-oaep"

	encryption11 = "http://www.w3.org/2009/xmlenc11#"
)

// Decrypt returns the plaintext of an EncryptedAssertion or its like, under whichever of the keys it was encrypted for. The plaintext is
// a stranger's: it must pass the guard like anything else. Every error is a *refusal.Error, and whatever depends on a key or on the
// ciphertext is DecryptionFailed without a detail, because AES-CBC, which identity providers still use, tells its plaintext to who may
// learn why a changed ciphertext was refused.
func Decrypt(encrypted *etree.Element, keys []crypto.Decrypter) ([]byte, error) {
	data, count := document.Only(encrypted, document.Encryption, "EncryptedData")
	if count != 1 {
		return nil, refusal.New(refusal.EncryptionMalformed, "%d EncryptedData", count)
	}
	key, err := keyOf(encrypted, data)
	if err != nil {
		return nil, err
	}
	method, _ := document.Only(data, document.Encryption, "EncryptionMethod")
	if method == nil {
		return nil, refusal.New(refusal.EncryptionMalformed, "EncryptedData without EncryptionMethod")
	}
	algorithm := document.Value(method, "Algorithm")
	size, allowed := map[string]int{aes128CBC: 16, aes128GCM: 16, aes256CBC: 32, aes256GCM: 32}[algorithm]
	if !allowed {
		return nil, refusal.New(refusal.EncryptionAlgorithm, "%q", algorithm)
	}
	options, err := transport(key)
	if err != nil {
		return nil, err
	}
	wrapped, err := cipherValue(key)
	if err != nil {
		return nil, err
	}
	ciphertext, err := cipherValue(data)
	if err != nil {
		return nil, err
	}
	for _, candidate := range keys {
		secret, err := candidate.Decrypt(nil, wrapped, options)
		if err != nil || len(secret) != size {
			continue
		}
		if plaintext, ok := open(algorithm, secret, ciphertext); ok {
			return plaintext, nil
		}
	}
	return nil, &refusal.Error{Reason: refusal.DecryptionFailed}
}

// keyOf finds the one EncryptedKey, in the KeyInfo of the data or beside it (SAML Core section 2.2.4).
func keyOf(encrypted, data *etree.Element) (*etree.Element, error) {
	found := document.Children(encrypted, document.Encryption, "EncryptedKey")
	for _, info := range document.Children(data, document.Signature, "KeyInfo") {
		found = append(found, document.Children(info, document.Encryption, "EncryptedKey")...)
	}
	if len(found) != 1 {
		return nil, refusal.New(refusal.EncryptionMalformed, "%d EncryptedKey", len(found))
	}
	return found[0], nil
}

// transport reads how the content's key was encrypted: RSA-OAEP, with the hashes that it names or else SHA-1.
func transport(key *etree.Element) (*rsa.OAEPOptions, error) {
	method, _ := document.Only(key, document.Encryption, "EncryptionMethod")
	if method == nil {
		return nil, refusal.New(refusal.EncryptionMalformed, "EncryptedKey without EncryptionMethod")
	}
	algorithm := document.Value(method, "Algorithm")
	if algorithm != rsaOAEP && algorithm != rsaOAEP11 {
		return nil, refusal.New(refusal.KeyTransport, "%q", algorithm)
	}
	options := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	for _, parameter := range method.ChildElements() {
		value := document.Value(parameter, "Algorithm")
		var hash crypto.Hash
		switch value {
		case sha1, encryption11 + "mgf1sha1":
			hash = crypto.SHA1
		case sha256, encryption11 + "mgf1sha256":
			hash = crypto.SHA256
		case sha512, encryption11 + "mgf1sha512":
			hash = crypto.SHA512
		}
		switch {
		case hash != 0 && document.Is(parameter, document.Signature, "DigestMethod"):
			options.Hash = hash
		case hash != 0 && algorithm == rsaOAEP11 && document.Is(parameter, encryption11, "MGF"):
			options.MGFHash = hash
		default:
			return nil, refusal.New(refusal.KeyTransport, "%s %q", parameter.Tag, value)
		}
	}
	return options, nil
}

func cipherValue(parent *etree.Element) ([]byte, error) {
	data, _ := document.Only(parent, document.Encryption, "CipherData")
	if data == nil {
		return nil, refusal.New(refusal.EncryptionMalformed, "%s without CipherData", parent.Tag)
	}
	// A CipherReference, which would be fetched, is not read.
	value, _ := document.Only(data, document.Encryption, "CipherValue")
	if value == nil {
		return nil, refusal.New(refusal.EncryptionMalformed, "%s without CipherValue", parent.Tag)
	}
	text, _ := document.Text(value)
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || len(raw) == 0 {
		return nil, refusal.New(refusal.EncryptionMalformed, "CipherValue of %s is not base64", parent.Tag)
	}
	return raw, nil
}

// open decrypts content (XML Encryption 1.1 sections 5.2.2 and 5.2.4: the initialization vector comes first).
func open(algorithm string, secret, ciphertext []byte) ([]byte, bool) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, false
	}
	if algorithm == aes128GCM || algorithm == aes256GCM {
		sealed, err := cipher.NewGCM(block)
		if err != nil || len(ciphertext) < sealed.NonceSize() {
			return nil, false
		}
		plaintext, err := sealed.Open(nil, ciphertext[:sealed.NonceSize()], ciphertext[sealed.NonceSize():], nil)
		return plaintext, err == nil
	}
	if len(ciphertext) < 2*aes.BlockSize || len(ciphertext)%aes.BlockSize != 0 {
		return nil, false
	}
	plaintext := make([]byte, len(ciphertext)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, ciphertext[:aes.BlockSize]).CryptBlocks(plaintext, ciphertext[aes.BlockSize:])
	padding := int(plaintext[len(plaintext)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, false
	}
	return plaintext[:len(plaintext)-padding], true
}
