// Package guard decides whether bytes from a stranger may be shown to an XML library at all.
//
// It owns the bounds (size, depth, elements, attributes, namespaces) and the dialect: well-formed UTF-8 with namespaces, without
// document types, processing instructions, entities of its own, byte order marks or anything beside the one root. It leaves the meaning
// of what it lets through to others and builds no tree. Its invariant: one pass over the bytes without recursion, in time and memory
// bounded by their number, so that nothing it refuses has cost more than reading it. Why: a 700 KB unsigned POST cost one SAML
// library 43 seconds, and one of 4.6 KB made another panic.
package guard

import (
	"bytes"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// Limits bounds one kind of document.
type Limits struct {
	// Bytes is the size of the whole document.
	Bytes int
	// Depth is how many elements may be open at once, the root included.
	Depth int
	// Elements is how many elements there may be.
	Elements int
	// Attributes is how many attributes one element may have, namespace declarations included.
	Attributes int
	// AttributeBytes is the size of one attribute's value as written.
	AttributeBytes int
	// Namespaces is how many namespace declarations may be in scope at once. XML libraries copy all of them for each element.
	Namespaces int
	// Comments says whether comments are let through. A comment splits a text into two nodes, which is how an identity that was
	// signed becomes another (CVE-2017-11427), so no message has any; metadata files that people keep do.
	Comments bool
}

// Message bounds a SAML message: 256 KiB, 64 deep, 5,000 elements, no comments.
func Message() Limits {
	return Limits{Bytes: 256 << 10, Depth: 64, Elements: 5000, Attributes: 32, AttributeBytes: 4 << 10, Namespaces: 32}
}

// Metadata bounds the metadata of one identity provider: 1 MiB, 64 deep, 10,000 elements. Federation aggregates are larger on purpose.
func Metadata() Limits {
	return Limits{
		Bytes: 1 << 20, Depth: 64, Elements: 10000, Attributes: 64, AttributeBytes: 8 << 10, Namespaces: 64, Comments: true,
	}
}

// Check returns nil for a document within its limits, and a *refusal.Error with one of the reasons beginning xml_ and the offset in
// bytes for any other. It never changes data and keeps nothing of it.
func Check(data []byte, limits Limits) error {
	if len(data) > limits.Bytes {
		return refusal.New(refusal.XMLTooLarge, "%d bytes, at most %d are read", len(data), limits.Bytes)
	}
	if err := encoding(data); err != nil {
		return err
	}
	s := scanner{data: data, limits: limits}
	if reason := s.document(); reason != "" {
		return refusal.New(reason, "at byte %d", s.pos)
	}
	return nil
}

// encoding names the wrong encodings that people really send. Whatever else is not UTF-8 the scanner finds where it stands.
func encoding(data []byte) error {
	switch {
	case len(bytes.TrimLeft(data, whitespace)) == 0:
		return refusal.New(refusal.XMLEmpty, "%d bytes", len(data))
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return refusal.New(refusal.XMLByteOrderMark, "UTF-8 needs none")
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")), bytes.IndexByte(data[:min(4, len(data))], 0) >= 0:
		return refusal.New(refusal.XMLNotUTF8, "UTF-16 or UTF-32")
	}
	return nil
}
