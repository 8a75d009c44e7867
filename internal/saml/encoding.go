package saml

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"strings"

	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// decodePost returns the bytes of a message from HTTP-POST (Bindings section 3.5.4): base64, never deflated.
func decodePost(value string) ([]byte, error) {
	if value == "" {
		return nil, refusal.New(refusal.MessageMissing, "")
	}
	// Four characters are three bytes; lines are at least 64 characters. Nothing longer can pass the guard, and it is not decoded.
	if limit := guard.Message().Bytes/3*4 + guard.Message().Bytes/24; len(value) > limit {
		return nil, refusal.New(refusal.XMLTooLarge, "%d characters of base64", len(value))
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.Map(withoutSpace, value))
	if err != nil {
		return nil, refusal.New(refusal.MessageEncoding, "%v", err)
	}
	if deflated(raw) {
		return nil, refusal.New(refusal.MessageDeflated, "HTTP-POST does not compress")
	}
	return raw, nil
}

func withoutSpace(r rune) rune {
	switch r {
	case ' ', '\t', '\r', '\n':
		return -1
	}
	return r
}

// deflated reports whether raw inflates to something that looks like XML. It inflates a few bytes, not the message.
func deflated(raw []byte) bool {
	if head := bytes.TrimSpace(raw[:min(len(raw), 64)]); len(head) == 0 || head[0] == '<' {
		return false
	}
	start := make([]byte, 16)
	n, _ := io.ReadFull(flate.NewReader(bytes.NewReader(raw)), start)
	return bytes.HasPrefix(bytes.TrimSpace(start[:n]), []byte("<"))
}
