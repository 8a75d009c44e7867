package tokencache

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
)

const keyBytes = 32

func newKey() []byte {
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails, by its contract
	return key
}

// seal encrypts with AES-256-GCM. The name is additional data: an entry copied to another name does not open.
func seal(key []byte, name string, content []byte) []byte {
	return aead(key).Seal(nil, nil, content, []byte(name)) //nolint:gosec // this AEAD takes no nonce: it makes a random one
}

// open returns ErrNone for what the key does not open: whoever lost her keyring signs in again.
func open(key []byte, name string, sealed []byte) ([]byte, error) {
	content, err := aead(key).Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%w: the keyring's key does not open what is stored", ErrNone)
	}
	return content, nil
}

func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is checked where keys come in
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size that GCM needs
	}
	return sealer
}
