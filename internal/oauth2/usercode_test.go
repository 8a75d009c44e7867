package oauth2_test

import (
	"strings"
	"testing"

	"github.com/watchword-io/watchword/internal/oauth2"
)

func TestParseUserCode(t *testing.T) {
	tests := map[string]struct {
		typed string
		want  string
	}{
		"as it is shown":             {"BCDF-GHJK", "BCDFGHJK"},
		"in small letters":           {"bcdf-ghjk", "BCDFGHJK"},
		"without a hyphen":           {"BCDFGHJK", "BCDFGHJK"},
		"with spaces":                {" bcdf ghjk ", "BCDFGHJK"},
		"letter by letter":           {"B-C-D-F-G-H-J-K", "BCDFGHJK"},
		"nothing":                    {"", ""},
		"hyphens only":               {"--------", ""},
		"a letter too few":           {"BCDF-GHJ", ""},
		"a letter too many":          {"BCDF-GHJKL", ""},
		"a vowel":                    {"BCDF-GHJA", ""},
		"a digit":                    {"BCDF-GHJ1", ""},
		"a letter of another script": {"ВCDF-GHJK", ""}, // Cyrillic
		"a wide letter":              {"ＢCDF-GHJK", ""},
		"a line break":               {"BCDF\nGHJK", ""},
		"NUL":                        {"BCDF\x00GHJK", ""},
		"a mile of hyphens":          {"BCDF" + strings.Repeat("-", 1000) + "GHJK", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := oauth2.ParseUserCode(tc.typed); ok != (tc.want != "") || ok && got != tc.want {
				t.Errorf("ParseUserCode(%q) = %q, %v; want %q", tc.typed, got, ok, tc.want)
			}
		})
	}
}

func TestUserCodesUseEveryLetterAndAreReadBack(t *testing.T) {
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 5000 {
		code := oauth2.NewUserCode()
		if parsed, ok := oauth2.ParseUserCode(oauth2.FormatUserCode(code)); !ok || parsed != code {
			t.Fatalf("%q is read back as %q, %v", code, parsed, ok)
		}
		seen[code] = true
		for _, letter := range code {
			letters[letter]++
		}
	}
	if len(seen) < 4999 {
		t.Errorf("%d different codes of 5000", len(seen))
	}
	// 40,000 letters, 2,000 of each expected; 1,700 is seven standard deviations away.
	for letter, n := range letters {
		if n < 1700 || n > 2300 || len(letters) != 20 {
			t.Errorf("%c was drawn %d times, of %d letters; want 20 about equally often", letter, n, len(letters))
		}
	}
}

// FuzzParseUserCode: whatever is typed, the outcome is eight letters of the alphabet, and reading it again gives the same.
func FuzzParseUserCode(f *testing.F) {
	for _, seed := range []string{"", "BCDF-GHJK", "bcdf ghjk", "AEIO-UUUU", "B-C-D-F-G-H-J-K", "ＢCDF-GHJK"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := oauth2.ParseUserCode(typed)
		if !ok {
			if code != "" {
				t.Errorf("%q is refused, but %q is left of it", typed, code)
			}
			return
		}
		if len(code) != 8 || strings.Trim(code, "BCDFGHJKLMNPQRSTVWXZ") != "" {
			t.Errorf("%q is read as %q", typed, code)
		}
		if again, ok := oauth2.ParseUserCode(oauth2.FormatUserCode(code)); !ok || again != code {
			t.Errorf("%q is read as %q, and that as %q, %v", typed, code, again, ok)
		}
	})
}
