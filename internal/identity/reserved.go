package identity

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// reservedPrefix begins the names that Kubernetes keeps for itself. RBAC gives system:masters everything, without a binding.
const reservedPrefix = "system:"

// Reserved reports whether a name belongs to Kubernetes: whether it begins with system: once compatibility forms (full-width letters
// and colons, ligatures), case, and characters that do not show (spaces, controls, format characters, marks) are folded away.
//
// kube-apiserver itself compares bytes, so most of what this refuses would be harmless there; it is refused because people and
// other programs read names with their eyes or with their own folding.
func Reserved(name string) bool {
	// Most names are plain ASCII that does not begin with s: no need to fold those on the hot path.
	if plain(name) {
		return len(name) >= len(reservedPrefix) && strings.EqualFold(name[:len(reservedPrefix)], reservedPrefix)
	}
	return strings.HasPrefix(fold(name), reservedPrefix)
}

func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

func fold(name string) string {
	// Folding can make new compatibility forms and the other way round, so normalise on both sides (UAX #15); decomposed at the end,
	// so that marks can be dropped.
	folded := norm.NFKD.String(cases.Fold().String(norm.NFKC.String(name)))
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.M) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, folded)
}
