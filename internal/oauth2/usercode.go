package oauth2

import (
	"crypto/rand"
	"strings"
)

// userCodeAlphabet is what RFC 8628 section 6.1 proposes: no vowels, so that no words come out, and nothing that is mistaken for
// something else. 8 of 20 letters are 34.5 bits.
const userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeLength = 8

// NewUserCode draws a user code (RFC 8628 section 3.2) in its normal form: eight capital letters without a hyphen.
func NewUserCode() string {
	code := make([]byte, 0, userCodeLength)
	var b [1]byte
	for len(code) < userCodeLength {
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		// 240 is the largest multiple of 20 in a byte: every letter is equally likely.
		if b[0] < 240 {
			code = append(code, userCodeAlphabet[int(b[0])%len(userCodeAlphabet)])
		}
	}
	return string(code)
}

// FormatUserCode is a user code as people are shown it: XXXX-XXXX.
func FormatUserCode(code string) string {
	if len(code) != userCodeLength {
		return code
	}
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

// ParseUserCode reads what a person typed: in any case, with any hyphens and spaces (RFC 8628 section 6.1). It returns the normal form,
// and false for whatever cannot be a user code.
func ParseUserCode(typed string) (code string, ok bool) {
	const longest = 4 * userCodeLength // with a space or hyphen after each letter, and then some
	if len(typed) > longest {
		return "", false
	}
	out := make([]byte, 0, userCodeLength)
	for i := range len(typed) {
		letter := typed[i]
		switch {
		case letter == '-' || letter == ' ' || letter == '\t':
			continue
		case letter >= 'a' && letter <= 'z':
			letter -= 'a' - 'A'
		}
		if len(out) == userCodeLength || strings.IndexByte(userCodeAlphabet, letter) < 0 {
			return "", false
		}
		out = append(out, letter)
	}
	if len(out) < userCodeLength {
		return "", false
	}
	return string(out), true
}
