package guard

import (
	"bytes"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

const whitespace = " \t\r\n"

// span is a piece of the document: names are compared where they stand, nothing is copied.
type span struct{ from, to int }

// element is an element that is open: its name, and how many namespace declarations were in scope outside it.
type element struct {
	name   span
	outer  int
	prefix int
}

// scanner reads a document once. Its methods return the reason to refuse, or nothing; pos is then where it was found.
type scanner struct {
	data     []byte
	pos      int
	limits   Limits
	elements int
	open     []element
	bindings []binding
	// attributes are those of the tag that is being read.
	attributes []attribute
}

// document reads everything (XML 1.0 production 1, less the document type).
func (s *scanner) document() refusal.Reason {
	if reason := s.declaration(); reason != "" {
		return reason
	}
	for s.pos < len(s.data) {
		if reason := s.next(); reason != "" {
			return reason
		}
	}
	if len(s.open) > 0 || s.elements == 0 {
		return refusal.XMLMalformed
	}
	return ""
}

// next reads one piece: a tag, or a run of text up to the next one.
func (s *scanner) next() refusal.Reason {
	switch {
	case s.data[s.pos] != '<':
		return s.text()
	case s.at("</"):
		return s.endTag()
	case s.at("<!--"):
		return s.comment()
	case s.at("<![CDATA["):
		// It is only another spelling of text, one that no identity provider uses and that libraries keep as a node of its own.
		return refusal.XMLCDATA
	case s.at("<!"):
		return refusal.XMLDoctype
	case s.at("<?"):
		return refusal.XMLInstruction
	}
	return s.startTag()
}

// declaration reads the XML declaration, if there is one (production 23). No encoding but UTF-8 is declared.
func (s *scanner) declaration() refusal.Reason {
	const opening = "<?xml"
	if !s.at(opening) {
		return ""
	}
	end := bytes.Index(s.data[:min(len(s.data), maxDeclaration)], []byte("?>"))
	if end < 0 {
		return refusal.XMLMalformed
	}
	for _, field := range bytes.Fields(s.data[len(opening):end]) {
		switch string(bytes.ToLower(bytes.ReplaceAll(field, []byte{'\''}, []byte{'"'}))) {
		case `version="1.0"`, `encoding="utf-8"`, `standalone="yes"`, `standalone="no"`:
		default:
			if bytes.HasPrefix(field, []byte("encoding")) {
				return refusal.XMLNotUTF8
			}
			return refusal.XMLInstruction
		}
	}
	s.pos = end + len("?>")
	return ""
}

// maxDeclaration is longer than any XML declaration in use, in bytes.
const maxDeclaration = 128

// startTag reads a start tag or an empty element (productions 40 and 44).
func (s *scanner) startTag() refusal.Reason {
	switch {
	case len(s.open) == 0 && s.elements > 0:
		return refusal.XMLOutsideRoot
	case len(s.open) >= s.limits.Depth:
		return refusal.XMLTooDeep
	case s.elements >= s.limits.Elements:
		return refusal.XMLTooManyElements
	}
	s.elements++
	s.pos++
	name, colon, reason := s.name()
	if reason != "" {
		return reason
	}
	opened := element{name: name, prefix: colon, outer: len(s.bindings)}
	if reason := s.attributeList(); reason != "" {
		return reason
	}
	if reason := s.resolve(opened); reason != "" {
		return reason
	}
	switch {
	case s.at("/>"):
		s.pos += len("/>")
		s.bindings = s.bindings[:opened.outer]
		return ""
	case s.at(">"):
		s.pos++
		s.open = append(s.open, opened)
		return ""
	}
	return refusal.XMLMalformed
}

// endTag reads an end tag, which must name the element that is open (production 42).
func (s *scanner) endTag() refusal.Reason {
	s.pos += len("</")
	name, _, reason := s.name()
	if reason != "" {
		return reason
	}
	s.space()
	if len(s.open) == 0 || !s.at(">") {
		return refusal.XMLMalformed
	}
	last := s.open[len(s.open)-1]
	if !bytes.Equal(s.bytes(name), s.bytes(last.name)) {
		return refusal.XMLMalformed
	}
	s.pos++
	s.open = s.open[:len(s.open)-1]
	s.bindings = s.bindings[:last.outer]
	return ""
}

// at reports whether literal comes next.
func (s *scanner) at(literal string) bool {
	return len(s.data)-s.pos >= len(literal) && string(s.data[s.pos:s.pos+len(literal)]) == literal
}

// space skips white space and reports whether there was any.
func (s *scanner) space() bool {
	from := s.pos
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > from
}

func (s *scanner) bytes(piece span) []byte { return s.data[piece.from:piece.to] }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
