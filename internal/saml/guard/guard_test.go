package guard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// deep nests n elements.
func deep(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }

// many has n elements, the root included.
func many(n int) string { return "<r>" + strings.Repeat("<a/>", n-1) + "</r>" }

// wide has n attributes on its root.
func wide(n int) string {
	var b strings.Builder
	b.WriteString("<r")
	for i := range n {
		fmt.Fprintf(&b, " a%d='1'", i)
	}
	return b.String() + "/>"
}

// declaring has n namespaces in scope.
func declaring(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<a xmlns:p%d='urn:%d'>", i, i)
	}
	return b.String() + strings.Repeat("</a>", n)
}

func utf16(s string, big bool) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if big {
			b.WriteString("\x00" + string(rune(c)))
		} else {
			b.WriteString(string(rune(c)) + "\x00")
		}
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		xml  string
		want refusal.Reason
	}{
		"a root":                         {"<r/>", ""},
		"declaration, space, root":       {"<?xml version=\"1.0\" encoding='UTF-8' standalone=\"no\"?>\n<r></r >\n", ""},
		"text and references":            {"<r a = '&quot;>' b=\"'\">&amp;&lt;&gt;&apos;&#65;&#x1F600; ]] é \U0001F600\r\n\t</r>", ""},
		"namespaces":                     {`<p:r xmlns:p="urn:p" xmlns="urn:d" p:a="1" a="1" xml:lang="en"><b xmlns=""/><p:b/></p:r>`, ""},
		"prefix bound anew":              {`<p:r xmlns:p="urn:p"><p:r xmlns:p="urn:q"/></p:r>`, ""},
		"as deep as may be":              {deep(64), ""},
		"as many elements as may be":     {many(5000), ""},
		"as many attributes as may be":   {wide(32), ""},
		"as many namespaces as may be":   {declaring(32), ""},
		"many namespaces, never at once": {"<r>" + strings.Repeat("<a xmlns='urn:a'/>", 1000) + "</r>", ""},

		"nothing":                       {"", refusal.XMLEmpty},
		"space":                         {" \n", refusal.XMLEmpty},
		"too large":                     {"<r>" + strings.Repeat("a", 256<<10) + "</r>", refusal.XMLTooLarge},
		"too deep":                      {deep(65), refusal.XMLTooDeep},
		"too many elements":             {many(5001), refusal.XMLTooManyElements},
		"too many attributes":           {wide(33), refusal.XMLTooManyAttributes},
		"too many namespaces":           {declaring(33), refusal.XMLTooManyNamespaces},
		"large attribute":               {"<r a='" + strings.Repeat("a", 4097) + "'/>", refusal.XMLAttributeTooLarge},
		"long name":                     {"<" + strings.Repeat("a", 129) + "/>", refusal.XMLName},
		"document type":                 {"<!DOCTYPE r><r/>", refusal.XMLDoctype},
		"document type in lower case":   {"<!doctype r><r/>", refusal.XMLDoctype},
		"document type after root":      {"<r/><!DOCTYPE r>", refusal.XMLDoctype},
		"document type inside":          {"<r><!DOCTYPE r></r>", refusal.XMLDoctype},
		"entity declaration":            {"<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", refusal.XMLDoctype},
		"element declaration":           {"<r><!ELEMENT r ANY></r>", refusal.XMLDoctype},
		"instruction":                   {"<?php x?><r/>", refusal.XMLInstruction},
		"instruction inside":            {"<r><?a?></r>", refusal.XMLInstruction},
		"stylesheet":                    {"<?xml-stylesheet href='x'?><r/>", refusal.XMLInstruction},
		"second declaration":            {"<?xml version='1.0'?><?xml version='1.0'?><r/>", refusal.XMLInstruction},
		"declaration after space":       {" <?xml version='1.0'?><r/>", refusal.XMLInstruction},
		"XML 1.1":                       {"<?xml version='1.1'?><r/>", refusal.XMLInstruction},
		"declaration without end":       {"<?xml version='1.0'", refusal.XMLMalformed},
		"Latin 1 declared":              {"<?xml version='1.0' encoding='ISO-8859-1'?><r/>", refusal.XMLNotUTF8},
		"UTF-7 declared":                {"<?xml version='1.0' encoding='UTF-7'?><r/>", refusal.XMLNotUTF8},
		"byte order mark":               {"\xef\xbb\xbf<r/>", refusal.XMLByteOrderMark},
		"UTF-16 with mark":              {"\xff\xfe" + utf16("<r/>", false), refusal.XMLNotUTF8},
		"UTF-16 big-endian with mark":   {"\xfe\xff" + utf16("<r/>", true), refusal.XMLNotUTF8},
		"UTF-16 without mark":           {utf16("<r/>", false), refusal.XMLNotUTF8},
		"UTF-16 big-endian, no mark":    {utf16("<r/>", true), refusal.XMLNotUTF8},
		"Latin 1 in text":               {"<r>\xe9</r>", refusal.XMLNotUTF8},
		"Latin 1 in attribute":          {"<r a='\xe9'/>", refusal.XMLNotUTF8},
		"overlong":                      {"<r>\xc0\xbc</r>", refusal.XMLNotUTF8},
		"surrogate":                     {"<r>\xed\xa0\x80</r>", refusal.XMLNotUTF8},
		"NUL":                           {"<root>\x00</root>", refusal.XMLCharacter},
		"control character":             {"<r>\x08</r>", refusal.XMLCharacter},
		"U+FFFE":                        {"<r>\uFFFE</r>", refusal.XMLCharacter},
		"referenced NUL":                {"<r>&#0;</r>", refusal.XMLCharacter},
		"referenced surrogate":          {"<r>&#xD800;</r>", refusal.XMLCharacter},
		"referenced beyond Unicode":     {"<r>&#x110000;</r>", refusal.XMLCharacter},
		"entity":                        {"<r>&xxe;</r>", refusal.XMLEntity},
		"entity in attribute":           {"<r a='&xxe;'/>", refusal.XMLEntity},
		"HTML entity":                   {"<r>&nbsp;</r>", refusal.XMLEntity},
		"bare ampersand":                {"<r>a & b</r>", refusal.XMLEntity},
		"empty reference":               {"<r>&;</r>", refusal.XMLEntity},
		"empty number":                  {"<r>&#;&#x;</r>", refusal.XMLEntity},
		"signed number":                 {"<r>&#+65;</r>", refusal.XMLCharacter},
		"reference in namespace":        {"<r xmlns='urn:&#97;'/>", refusal.XMLEntity},
		"comment":                       {"<r>admin<!-- -->.evil</r>", refusal.XMLComment},
		"CDATA":                         {"<r><![CDATA[a]]></r>", refusal.XMLCDATA},
		"text before":                   {"a<r/>", refusal.XMLOutsideRoot},
		"text after":                    {"<r/>a", refusal.XMLOutsideRoot},
		"reference after":               {"<r/>&#65;", refusal.XMLOutsideRoot},
		"second root":                   {"<r/><r/>", refusal.XMLOutsideRoot},
		"NUL after":                     {"<r/>\x00", refusal.XMLOutsideRoot},
		"attribute twice":               {"<r ID='a' ID='b'/>", refusal.XMLDuplicate},
		"attribute twice by namespace":  {"<r xmlns:p='urn:a' xmlns:q='urn:a' p:ID='a' q:ID='b'/>", refusal.XMLDuplicate},
		"namespace twice":               {"<r xmlns='a' xmlns='b'/>", refusal.XMLDuplicate},
		"prefix declared twice":         {"<r xmlns:a='a' xmlns:a='b'/>", refusal.XMLDuplicate},
		"prefix not declared":           {"<p:r/>", refusal.XMLPrefix},
		"prefix of attribute":           {"<r p:a='1'/>", refusal.XMLPrefix},
		"prefix out of scope":           {"<r><a xmlns:p='urn:p'/><p:b/></r>", refusal.XMLPrefix},
		"prefix unbound":                {"<r xmlns:p=''/>", refusal.XMLPrefix},
		"xml bound anew":                {"<r xmlns:xml='urn:x'/>", refusal.XMLPrefix},
		"xmlns bound":                   {"<r xmlns:xmlns='urn:x'/>", refusal.XMLPrefix},
		"prefix for XML's namespace":    {"<r xmlns:p='http://www.w3.org/XML/1998/namespace'/>", refusal.XMLPrefix},
		"prefix for xmlns's namespace":  {"<r xmlns:p='http://www.w3.org/2000/xmlns/'/>", refusal.XMLPrefix},
		"two colons":                    {"<a:b:c xmlns:a='urn:a'/>", refusal.XMLName},
		"colon first":                   {"<:a/>", refusal.XMLName},
		"colon last":                    {"<a: xmlns:a='urn:a'/>", refusal.XMLName},
		"digit first":                   {"<1/>", refusal.XMLName},
		"name beyond ASCII":             {"<é/>", refusal.XMLName},
		"name that goes on beyond":      {"<aé/>", refusal.XMLName},
		"no name":                       {"< r/>", refusal.XMLName},
		"not XML":                       {"hello", refusal.XMLOutsideRoot},
		"not closed":                    {"<r>", refusal.XMLMalformed},
		"closed by another":             {"<r></s>", refusal.XMLMalformed},
		"closed in the wrong order":     {"<r><s></r></s>", refusal.XMLMalformed},
		"closed twice":                  {"<r/></r>", refusal.XMLMalformed},
		"tag that ends":                 {"<r", refusal.XMLMalformed},
		"attribute that ends":           {"<r a='", refusal.XMLMalformed},
		"attribute without value":       {"<r a/>", refusal.XMLMalformed},
		"attribute without quotes":      {"<r a=b/>", refusal.XMLMalformed},
		"attributes without space":      {"<r a='1'b='2'/>", refusal.XMLMalformed},
		"tag in attribute":              {"<r a='<'/>", refusal.XMLMalformed},
		"stray slash":                   {"<r / >", refusal.XMLMalformed},
		"end of CDATA in text":          {"<r>]]></r>", refusal.XMLMalformed},
		"comment that is not closed":    {"<r><!-- </r>", refusal.XMLComment},
		"comment beside the root":       {"<!-- a --><r/>", refusal.XMLComment},
		"only a declaration":            {"<?xml version='1.0'?>", refusal.XMLMalformed},
		"document type for UTF-16 bomb": {utf16("<!DOCTYPE r><r/>", false), refusal.XMLNotUTF8},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := guard.Check([]byte(test.xml), guard.Message())
			if got := refusal.Of(err); got != test.want {
				t.Errorf("Check says %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

func TestCommentsInMetadata(t *testing.T) {
	tests := map[string]struct {
		xml  string
		want refusal.Reason
	}{
		"around and inside": {"<!-- a\n --><r><!----><!-- é < & --></r><!-- b -->", ""},
		"two hyphens":       {"<r><!-- a -- b --></r>", refusal.XMLMalformed},
		"three hyphens":     {"<r><!-- a ---></r>", refusal.XMLMalformed},
		"not closed":        {"<r><!-- a", refusal.XMLMalformed},
		"control character": {"<r><!-- \x01 --></r>", refusal.XMLCharacter},
		"not UTF-8":         {"<r><!-- \xff --></r>", refusal.XMLNotUTF8},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := guard.Check([]byte(test.xml), guard.Metadata())
			if got := refusal.Of(err); got != test.want {
				t.Errorf("Check says %q (%v), want %q", got, err, test.want)
			}
		})
	}
}
