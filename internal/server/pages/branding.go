package pages

import (
	"bytes"
	_ "embed" // the style sheet
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLogoBytes is the longest logo that is shown, as a data: URI. It travels with every page.
const MaxLogoBytes = 64 << 10

// defaultName and defaultColor stand in for a realm that has none.
const (
	defaultName  = "Watchword"
	defaultColor = "#1b6b5a"
)

// Branding is how a realm looks. The zero value is Watchword's own look.
type Branding struct {
	// Name is the realm's display name.
	Name string
	// Logo is a data: URI of a PNG, JPEG or WebP image in base64. SVG is not allowed: it is a document, not a picture.
	// One that is longer than MaxLogoBytes or anything else is not shown.
	Logo string
	// Color is #rrggbb. Text on it and links in it are made readable, whatever it is. Anything else stands for the default.
	Color string
}

// logoKinds are the media types that a logo may have.
var logoKinds = []string{"image/png", "image/jpeg", "image/webp"}

// isKind says whether content begins like a file of that media type.
func isKind(kind string, content []byte) bool {
	switch kind {
	case "image/png":
		return bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n"))
	case "image/jpeg":
		return bytes.HasPrefix(content, []byte{0xff, 0xd8, 0xff})
	case "image/webp":
		return len(content) >= 12 && string(content[:4]) == "RIFF" && string(content[8:12]) == "WEBP"
	}
	return false
}

// LogoProblem says why a logo would not be shown, for who configures it; empty if it would be.
func LogoProblem(uri string) string {
	if len(uri) > MaxLogoBytes {
		return fmt.Sprintf("the logo is %d bytes long as a data: URI, and at most %d are allowed", len(uri), MaxLogoBytes)
	}
	head, data, ok := strings.Cut(uri, ";base64,")
	kind, scheme := strings.CutPrefix(head, "data:")
	if !ok || !scheme || !slices.Contains(logoKinds, kind) {
		return "the logo is not a data: URI of an image/png, image/jpeg or image/webp in base64"
	}
	content, err := base64.StdEncoding.DecodeString(data)
	if err != nil || strings.ContainsAny(data, "\r\n") {
		return "the logo's base64 cannot be decoded"
	}
	if !isKind(kind, content) {
		return "the logo is not an image of the kind that its data: URI names"
	}
	return ""
}

// look is a Branding made ready for the templates.
type look struct {
	Name string
	// Mark is the letter shown where there is no logo.
	Mark string
	Logo template.URL
	Icon template.URL

	brand color
}

func (b Branding) look() look {
	l := look{Name: b.Name}
	if strings.TrimSpace(l.Name) == "" {
		l.Name = defaultName
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(l.Name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
	if first != utf8.RuneError {
		l.Mark = string(unicode.ToUpper(first))
	}
	if b.Logo != "" && LogoProblem(b.Logo) == "" {
		l.Logo = template.URL(b.Logo) //nolint:gosec // an image in base64, checked
	}
	brand, ok := parseColor(b.Color)
	if !ok {
		brand, _ = parseColor(defaultColor)
	}
	l.brand = brand
	l.Icon = l.Logo
	if l.Icon == "" {
		l.Icon = template.URL(fmt.Sprintf(icon, brand.String()[1:], textOn(brand).String()[1:])) //nolint:gosec // two colours in a constant
	}
	return l
}

// icon is a keyhole, for the browser's tab; it also keeps the browser from asking for /favicon.ico.
const icon = "data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%%3E" +
	"%%3Crect width='32' height='32' rx='9' fill='%%23%s'/%%3E" +
	"%%3Cpath d='M16 7a5 5 0 0 0-2.4 9.4L12 25h8l-1.6-8.6A5 5 0 0 0 16 7z' fill='%%23%s'/%%3E%%3C/svg%%3E"

// sheet is the style sheet of every page.
//
//go:embed templates/pages.css
var sheet string

// Surfaces of pages.css that colours are measured against: the card, light and dark.
var (
	lightCard = white
	darkCard  = color{0.098, 0.106, 0.122}
	darkPage  = color{0.059, 0.063, 0.075}
)

// sheet is the realm's own style sheet: the custom properties that pages.css is drawn with. The button has the realm's colour as it
// is in light; its edge, links and the focus ring have it moved until they can be told from the card (WCAG 2.2, 1.4.3 and 1.4.11).
func (l look) sheet() string {
	night := l.brand.against(darkCard, 3)
	return fmt.Sprintf(":root{%s}@media (prefers-color-scheme:dark){:root{%s}}",
		properties(l.brand.against(lightCard, 1.25), lightCard, mix(color{0.957, 0.961, 0.965}, l.brand, 0.035)),
		properties(night, darkCard, mix(darkPage, l.brand, 0.02)))
}

func properties(brand, card, page color) string {
	return fmt.Sprintf("--brand:%s;--on-brand:%s;--edge:%s;--accent:%s;--tint:%s;--page:%s",
		brand, textOn(brand), brand.against(card, 3), brand.against(card, 5), mix(card, brand.against(card, 3), 0.1), page)
}
