package guard

import (
	"bytes"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// attribute is one of the tag that is being read. colon is where its prefix ends, 0 without one; local is where its local name begins.
type attribute struct {
	name         span
	colon, local int
	// namespace is set by resolve.
	namespace span
}

// binding gives a prefix its namespace; an empty prefix is the default namespace.
type binding struct{ prefix, namespace span }

// The two namespaces that belong to XML itself: nobody else binds a prefix to them, and their prefixes to nothing else.
const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// maxName bounds the name of an element or attribute, in bytes.
const maxName = 128

// name reads a qualified name of ASCII letters, digits and _ - . with at most one colon, and returns where that is. XML allows more,
// but neither SAML nor its signatures use it, and parsers do not agree about names with several colons (CVE-2020-29509 to 29511).
func (s *scanner) name() (name span, colon int, reason refusal.Reason) {
	name.from = s.pos
	start := true
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_':
			start = false
			continue
		case !start && (c >= '0' && c <= '9' || c == '-' || c == '.'):
			continue
		case !start && c == ':' && colon == 0:
			colon, start = s.pos, true
			continue
		}
		break
	}
	name.to = s.pos
	if start || name.to-name.from > maxName || s.pos < len(s.data) && (s.data[s.pos] == ':' || s.data[s.pos] >= 0x80) {
		return name, 0, refusal.XMLName
	}
	return name, colon, ""
}

// attributeList reads the attributes of a tag up to its end (production 41) and notes the namespaces that they declare.
func (s *scanner) attributeList() refusal.Reason {
	s.attributes = s.attributes[:0]
	for {
		spaced := s.space()
		if s.pos >= len(s.data) {
			return refusal.XMLMalformed
		}
		if c := s.data[s.pos]; c == '>' || c == '/' {
			return ""
		}
		if !spaced {
			return refusal.XMLMalformed
		}
		if len(s.attributes) >= s.limits.Attributes {
			return refusal.XMLTooManyAttributes
		}
		if reason := s.attribute(); reason != "" {
			return reason
		}
	}
}

func (s *scanner) attribute() refusal.Reason {
	name, colon, reason := s.name()
	if reason != "" {
		return reason
	}
	s.space()
	if !s.at("=") {
		return refusal.XMLMalformed
	}
	s.pos++
	s.space()
	value, reason := s.value()
	if reason != "" {
		return reason
	}
	local := name.from
	if colon > 0 {
		local = colon + 1
	}
	s.attributes = append(s.attributes, attribute{name: name, colon: colon, local: local})
	switch {
	case colon == 0 && string(s.bytes(name)) == "xmlns":
		return s.declare(span{}, value)
	case colon > 0 && string(s.data[name.from:colon]) == "xmlns":
		return s.declare(span{colon + 1, name.to}, value)
	}
	return ""
}

// value reads a quoted value (production 10).
func (s *scanner) value() (span, refusal.Reason) {
	if !s.at(`"`) && !s.at(`'`) {
		return span{}, refusal.XMLMalformed
	}
	quote := s.data[s.pos]
	s.pos++
	value := span{from: s.pos}
	for s.pos < len(s.data) {
		switch {
		case s.data[s.pos] == quote:
			value.to = s.pos
			s.pos++
			return value, ""
		case s.data[s.pos] == '<':
			return span{}, refusal.XMLMalformed
		case s.pos-value.from >= s.limits.AttributeBytes:
			return span{}, refusal.XMLAttributeTooLarge
		}
		if reason := s.character(); reason != "" {
			return span{}, reason
		}
	}
	return span{}, refusal.XMLMalformed
}

// declare brings a namespace into scope (Namespaces in XML 1.0 section 3).
func (s *scanner) declare(prefix, namespace span) refusal.Reason {
	if len(s.bindings) >= s.limits.Namespaces {
		return refusal.XMLTooManyNamespaces
	}
	uri := s.bytes(namespace)
	switch {
	case bytes.IndexByte(uri, '&') >= 0:
		// Two spellings of one namespace would have to be compared after decoding; none in use needs it.
		return refusal.XMLEntity
	case string(uri) == xmlNamespace, string(uri) == xmlnsNamespace, prefix != span{} && len(uri) == 0:
		return refusal.XMLPrefix
	}
	if p := s.bytes(prefix); string(p) == "xml" || string(p) == "xmlns" {
		return refusal.XMLPrefix
	}
	s.bindings = append(s.bindings, binding{prefix, namespace})
	return ""
}

// resolve finds the namespaces of a tag and its attributes and refuses what is there twice, by the name as written or as meant.
func (s *scanner) resolve(tag element) refusal.Reason {
	if tag.prefix > 0 {
		if _, ok := s.lookup(s.data[tag.name.from:tag.prefix]); !ok {
			return refusal.XMLPrefix
		}
	}
	for i := range s.attributes {
		a := &s.attributes[i]
		if a.colon > 0 {
			prefix := s.data[a.name.from:a.colon]
			namespace, ok := s.lookup(prefix)
			if !ok && string(prefix) != "xml" && string(prefix) != "xmlns" {
				return refusal.XMLPrefix
			}
			a.namespace = namespace
		}
		for j := range i {
			if s.same(a, &s.attributes[j]) {
				return refusal.XMLDuplicate
			}
		}
	}
	return ""
}

// same reports whether two attributes of a tag are one (Namespaces in XML 1.0 section 6.3). Either way their local names are equal.
func (s *scanner) same(a, b *attribute) bool {
	if a.name.to-a.local != b.name.to-b.local || !bytes.Equal(s.data[a.local:a.name.to], s.data[b.local:b.name.to]) {
		return false
	}
	return bytes.Equal(s.bytes(a.name), s.bytes(b.name)) ||
		a.namespace != span{} && b.namespace != span{} && bytes.Equal(s.bytes(a.namespace), s.bytes(b.namespace))
}

// lookup returns the namespace that a prefix is bound to, by the innermost declaration.
func (s *scanner) lookup(prefix []byte) (span, bool) {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(s.bytes(s.bindings[i].prefix), prefix) {
			return s.bindings[i].namespace, true
		}
	}
	return span{}, false
}
