package document_test

import (
	"errors"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

func parse(t *testing.T, text string) *etree.Element {
	t.Helper()
	root, err := document.Parse([]byte(text), guard.Metadata())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestNothingButThroughTheGuard(t *testing.T) {
	if _, err := document.Parse([]byte("<!DOCTYPE a><a/>"), guard.Message()); refusal.Of(err) != refusal.XMLDoctype {
		t.Errorf("Parse: %v, want %s", err, refusal.XMLDoctype)
	}
}

func TestPanicIsARefusal(t *testing.T) {
	err := func() (err error) {
		defer document.Recover(&err)
		panic("index out of range")
	}()
	var refused *refusal.Error
	if !errors.As(err, &refused) || refused.Reason != refusal.XMLMalformed {
		t.Errorf("a panic became %v, want %s", err, refusal.XMLMalformed)
	}
}

func TestNamesAreOfNamespaces(t *testing.T) {
	root := parse(t, `<a:r xmlns:a="urn:a" xmlns:b="urn:b"><b:x/><x xmlns="urn:b"/><a:x/><x/><y><b:x/></y></a:r>`)
	if got := len(document.Children(root, "urn:b", "x")); got != 2 {
		t.Errorf("%d children x in urn:b, want 2: one by prefix, one by default", got)
	}
	if child, count := document.Only(root, "urn:b", "x"); child != nil || count != 2 {
		t.Errorf("Only returned %v of %d, want none of 2", child, count)
	}
	if document.Is(nil, "", "") {
		t.Error("nil has a name")
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]struct {
		text  string
		plain bool
	}{
		"<a> x\r\n</a>":         {"x", true},
		"<a/>":                  {"", true},
		"<a>x\u00a0</a>":        {"x\u00a0", true},
		"<a>x&amp;&#65;</a>":    {"x&A", true},
		"<a>x<b/>y</a>":         {"", false},
		"<a>x<!-- --> y</a>":    {"", false},
		"<a><b>x</b></a>":       {"", false},
		"<a>admin<b>.x</b></a>": {"", false},
	} {
		if got, plain := document.Text(parse(t, text)); got != want.text || plain != want.plain {
			t.Errorf("Text of %s is %q, %t; want %q, %t", text, got, plain, want.text, want.plain)
		}
	}
}

func TestTime(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Time{
		"2026-11-23T12:00:00Z": noon, "2026-11-23T12:00:00.5Z": noon.Add(time.Second / 2),
		"2026-11-23T12:00:00": {}, "2026-11-23T12:00:00+00:00": {}, "2026-11-23": {}, "": {}, "tomorrow": {}, "2026-13-23T12:00:00Z": {},
	} {
		got, there, err := document.Time(parse(t, `<a t="`+value+`"/>`), "t")
		if !there || !got.Equal(want) || want.IsZero() != (refusal.Of(err) == refusal.TimeMalformed) {
			t.Errorf("Time of %q is %v, %t, %v; want %v", value, got, there, err, want)
		}
	}
	if _, there, err := document.Time(parse(t, "<a/>"), "t"); there || err != nil {
		t.Errorf("Time of nothing is there: %t, %v", there, err)
	}
}

func TestUniqueIDs(t *testing.T) {
	for text, want := range map[string]refusal.Reason{
		`<a ID="1"><b ID="2"/></a>`: "", `<a ID="1"><b ID="1"/></a>`: refusal.DuplicateID, `<a ID="1" Id="1"/>`: refusal.DuplicateID,
		`<a ID="1"><b id="1"/></a>`: refusal.DuplicateID, `<a ID="1"><b xml:id="1"/></a>`: refusal.DuplicateID,
		`<a ID="1"><b x:ID="1" xmlns:x="urn:x"/></a>`: refusal.DuplicateID, `<a ID="1" xmlns:id="1"/>`: "",
	} {
		if _, err := document.UniqueIDs(parse(t, text)); refusal.Of(err) != want {
			t.Errorf("UniqueIDs of %s: %v, want %q", text, err, want)
		}
	}
}
