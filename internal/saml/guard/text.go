package guard

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// text reads character data up to the next tag (production 14). Outside the root it is white space.
func (s *scanner) text() refusal.Reason {
	if len(s.open) == 0 {
		if s.space(); s.pos < len(s.data) && s.data[s.pos] != '<' {
			return refusal.XMLOutsideRoot
		}
		return ""
	}
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c >= '0' && c <= 'z' && c != '<' && c != ']': // nearly all there is
			s.pos++
			continue
		case c == '<':
			return ""
		case c == ']' && s.at("]]>"):
			return refusal.XMLMalformed
		}
		if reason := s.character(); reason != "" {
			return reason
		}
	}
	return ""
}

// comment reads a comment (production 15), where limits let any through.
func (s *scanner) comment() refusal.Reason {
	if !s.limits.Comments {
		return refusal.XMLComment
	}
	s.pos += len("<!--")
	for s.pos < len(s.data) {
		if s.at("--") {
			if !s.at("-->") {
				return refusal.XMLMalformed
			}
			s.pos += len("-->")
			return ""
		}
		if reason := s.plain(); reason != "" {
			return reason
		}
	}
	return refusal.XMLMalformed
}

// character reads one character of text or of an attribute's value: itself, or a reference to it.
func (s *scanner) character() refusal.Reason {
	if s.data[s.pos] == '&' {
		return s.reference()
	}
	return s.plain()
}

// plain reads one character that stands for itself.
func (s *scanner) plain() refusal.Reason {
	if c := s.data[s.pos]; c >= ' ' && c < utf8.RuneSelf || isSpace(c) {
		s.pos++
		return ""
	}
	r, size := utf8.DecodeRune(s.data[s.pos:])
	if r == utf8.RuneError && size <= 1 {
		return refusal.XMLNotUTF8
	}
	if !isCharacter(r) {
		return refusal.XMLCharacter
	}
	s.pos += size
	return ""
}

// maxReference is the length of the longest reference there is, between & and ; in bytes.
const maxReference = len("#x0010FFFF")

// reference reads a reference to a character or one of the five entities that XML itself defines (section 4.6).
func (s *scanner) reference() refusal.Reason {
	rest := s.data[s.pos+1:]
	end := bytes.IndexByte(rest[:min(len(rest), maxReference+1)], ';')
	if end < 0 {
		return refusal.XMLEntity
	}
	switch name := string(rest[:end]); name {
	case "amp", "lt", "gt", "quot", "apos":
	default:
		if !isNumber(name) {
			return refusal.XMLEntity
		}
		base, digits := 10, name[1:]
		if name[1] == 'x' {
			base, digits = 16, name[2:]
		}
		code, err := strconv.ParseUint(digits, base, 32)
		if err != nil || code > utf8.MaxRune || !isCharacter(rune(code)) {
			return refusal.XMLCharacter
		}
	}
	s.pos += end + len("&;")
	return ""
}

// isNumber reports whether name is that of a numeric reference: #1 or #x1.
func isNumber(name string) bool {
	return len(name) > 1 && name[0] == '#' && (name[1] != 'x' || len(name) > len("#x"))
}

// isCharacter reports whether XML allows r (production 2).
func isCharacter(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xD800 && r <= 0xDFFF, r == 0xFFFE, r == 0xFFFF:
		return false
	}
	return r <= utf8.MaxRune
}
