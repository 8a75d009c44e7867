package saml

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

// Message is a message of ours that is ready to be sent.
type Message struct {
	root *etree.Element
	// name is the parameter that carries it.
	name string
}

// NewID returns an identifier of 160 random bits (Core section 1.3.4), beginning with the _ that an xs:ID needs.
func NewID() string {
	var raw [20]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return "_" + hex.EncodeToString(raw[:])
}

// newMessage begins a message with what all have (Core section 3.2.1).
func (p *Provider) newMessage(tag, name, id, destination string, now time.Time) *Message {
	root := etree.NewElement("samlp:" + tag)
	root.CreateAttr("xmlns:samlp", document.Protocol)
	root.CreateAttr("xmlns:saml", document.Assertion)
	root.CreateAttr("ID", id)
	root.CreateAttr("Version", "2.0")
	root.CreateAttr("IssueInstant", stamp(now))
	root.CreateAttr("Destination", destination)
	root.CreateElement("saml:Issuer").SetText(p.Audience)
	return &Message{root: root, name: name}
}

// Redirect returns the URL that takes a browser with the message to its destination, by HTTP-Redirect (Bindings section 3.4). A nil signer
// does not sign. relay comes back as it is; the binding promises only 80 bytes of it, though the common providers take more.
func (m *Message) Redirect(relay string, signer *xmlsec.Signer) (string, error) {
	text, err := m.text()
	if err != nil {
		return "", err
	}
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.BestCompression)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("deflate %s: %w", m.root.Tag, err)
	}
	query, err := signer.SignQuery(m.name, base64.StdEncoding.EncodeToString(deflated.Bytes()), relay)
	if err != nil {
		return "", err
	}
	destination := document.Value(m.root, "Destination")
	if strings.Contains(destination, "?") {
		return destination + "&" + query, nil
	}
	return destination + "?" + query, nil
}

// Post returns the name and value of the form field that carries the message by HTTP-POST (Bindings section 3.5), with an enveloped
// signature unless signer is nil.
func (m *Message) Post(signer *xmlsec.Signer) (name, value string, err error) {
	signed := &Message{root: m.root.Copy(), name: m.name}
	if signer != nil {
		if err := signer.Sign(signed.root); err != nil {
			return "", "", err
		}
	}
	text, err := signed.text()
	if err != nil {
		return "", "", err
	}
	return m.name, base64.StdEncoding.EncodeToString([]byte(text)), nil
}

func (m *Message) text() (string, error) {
	text, err := etree.NewDocumentWithRoot(m.root.Copy()).WriteToString()
	if err != nil {
		return "", fmt.Errorf("write %s: %w", m.root.Tag, err)
	}
	return text, nil
}

// inflate returns the bytes of a message from HTTP-Redirect (Bindings section 3.4.4.1), at most as many as the guard reads.
func inflate(value string) ([]byte, error) {
	if value == "" {
		return nil, refusal.New(refusal.MessageMissing, "")
	}
	limit := guard.Message().Bytes
	if len(value) > limit {
		return nil, refusal.New(refusal.XMLTooLarge, "%d characters of base64", len(value))
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil, refusal.New(refusal.MessageEncoding, "%v", err)
	}
	message, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), int64(limit)+1))
	if err != nil {
		return nil, refusal.New(refusal.MessageInflation, "%v", err)
	}
	if len(message) > limit {
		return nil, refusal.New(refusal.XMLTooLarge, "inflates to more than %d bytes", limit)
	}
	return message, nil
}
