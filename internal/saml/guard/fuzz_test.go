package guard_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/internal/saml/guard"
)

// FuzzCheck holds what the guard lets through against encoding/xml, which reads it next: it must be well-formed there too, with one
// root and nothing of what the guard exists to keep out.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<p:r xmlns:p=\"urn:p\" ID='_1'><p:a b=\"&amp;\">&#65;</p:a></p:r>\n",
		"<r><!-- a --></r>", "<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>", "<r><![CDATA[a]]></r>", "<r a='1' a='2'/>", "\xef\xbb\xbf<r/>",
		"<a:b:c/>", "<r xmlns:p=''/>", "<r>&#xD800;</r>", "<?xml version='1.0'?><?a?><r/>", "\xff\xfe<\x00", "<r></r></r>", "<r/>a",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if guard.Check(data, guard.Message()) != nil {
			return
		}
		depth, roots := 0, 0
		decoder := xml.NewDecoder(bytes.NewReader(data))
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("the guard lets through what encoding/xml refuses: %v\n%q", err, data)
			}
			switch token := token.(type) {
			case xml.StartElement:
				if depth == 0 {
					roots++
				}
				depth++
			case xml.EndElement:
				depth--
			case xml.CharData:
				if depth == 0 && strings.TrimSpace(string(token)) != "" {
					t.Fatalf("text outside the root: %q", data)
				}
			case xml.ProcInst:
				if token.Target != "xml" {
					t.Fatalf("processing instruction: %q", data)
				}
			default:
				t.Fatalf("%T: %q", token, data)
			}
		}
		if roots != 1 || depth != 0 {
			t.Fatalf("%d roots, depth %d: %q", roots, depth, data)
		}
	})
}

// BenchmarkCheck measures documents as large as may be, at what costs the guard most. The bar is 50 ms for all of a response.
func BenchmarkCheck(b *testing.B) {
	const size = 256 << 10
	fill := func(head, unit, tail string) []byte {
		return []byte(head + strings.Repeat(unit, (size-len(head)-len(tail))/len(unit)) + tail)
	}
	attributes := "<a"
	for _, name := range "abcdefghijklmnopqrstuvwxyzABCDEF" {
		attributes += " p:" + string(name) + "=''"
	}
	for name, document := range map[string][]byte{
		"text":       fill("<r>", "a", "</r>"),
		"references": fill("<r>", "&#65;", "</r>"),
		"attributes": fill("<r xmlns:p='urn:p'>", attributes+"/>", "</r>"),
		"refused":    fill("<r>", "<a>", ""),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			for b.Loop() {
				_ = guard.Check(document, guard.Message())
			}
		})
	}
}
