package validate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

func TestPassword(t *testing.T) {
	names := []string{"alice", "alice.liddell@example.com", "Alice", "Liddell", "Acme Research", "bob"}
	for name, tc := range map[string]struct {
		password string
		kind     validate.PasswordKind
		words    string
	}{
		"long enough":                       {password: "correct horse"},
		"twelve letters, 23 bytes":          {password: "éàèùâêîôûëï1"},
		"random":                            {password: "x7Kq-29fW.pLd"},
		"a temporary one":                   {password: "k7mq-wx9r-tn2p-hs4v-bc6d"},
		"a phrase with her name":            {password: "alice drinks green tea"},
		"a short name in a word":            {password: "bobbing for quinces"},
		"too short":                         {"hunter2", validate.PasswordShort, "shorter"},
		"empty":                             {"", validate.PasswordShort, "shorter"},
		"blank":                             {"             ", validate.PasswordUnreadable, "blank"},
		"line break at the end":             {"correct horse\n", validate.PasswordUnreadable, "use printf"},
		"NUL":                               {"correct\x00horse", validate.PasswordUnreadable, "control character"},
		"not UTF-8":                         {"correct horse\xff", validate.PasswordUnreadable, "UTF-8"},
		"too long":                          {strings.Repeat("x7Kq", 257), validate.PasswordLong, "1024"},
		"one letter":                        {"aaaaaaaaaaaaaaaa", validate.PasswordGuessable, ""},
		"one emoji":                         {strings.Repeat("🔑", 12), validate.PasswordGuessable, ""},
		"1024 times one letter":             {strings.Repeat("a", 1024), validate.PasswordGuessable, ""},
		"a short piece again and again":     {"abc7abc7abc7abc7", validate.PasswordGuessable, ""},
		"the alphabet":                      {"abcdefghijklmnop", validate.PasswordGuessable, ""},
		"the alphabet backwards":            {"zyxwvutsrqponm", validate.PasswordGuessable, ""},
		"doubled figures":                   {"112233445566", validate.PasswordGuessable, ""},
		"figures":                           {"123456789012", validate.PasswordGuessable, ""},
		"the keyboard":                      {"qwertyuiopasdf", validate.PasswordGuessable, ""},
		"the keyboard, German":              {"qwertzuiop123", validate.PasswordGuessable, ""},
		"a common password and the year":    {"Password2026!", validate.PasswordGuessable, ""},
		"a common password, disguised":      {"P@ssw0rd-2026", validate.PasswordGuessable, ""},
		"two common passwords":              {"iloveyousunshine", validate.PasswordGuessable, ""},
		"the last of the list":              {"zzzzzzzz1zzz", validate.PasswordGuessable, ""},
		"her name and the year":             {"alice2026!!!", validate.PasswordGuessable, ""},
		"her full name":                     {"Alice.Liddell", validate.PasswordGuessable, ""},
		"her address":                       {"alice.liddell@example.com", validate.PasswordGuessable, ""},
		"the realm's name and a common one": {"acme-Password", validate.PasswordGuessable, ""},
		"in wide letters":                   {"ｐａｓｓｗｏｒｄ１２３４", validate.PasswordGuessable, ""},
		"four letters in any order":         {"abababcdcdcddcba", validate.PasswordGuessable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := validate.Password(v1alpha1.PasswordPolicy{MinLength: 12}, names, []byte(tc.password))
			var refused *validate.PasswordError
			if got := errors.As(err, &refused); got != (tc.kind != "") {
				t.Fatalf("Password = %v; want refused: %v", err, tc.kind != "")
			}
			if refused != nil && (refused.Kind != tc.kind || !strings.Contains(refused.Message, tc.words)) {
				t.Errorf("refused as %s: %s; want %s with %q", refused.Kind, refused.Message, tc.kind, tc.words)
			}
		})
	}
}

// Whatever is thrown at it, judging ends with a verdict.
func FuzzPassword(f *testing.F) {
	f.Add("correct horse", "alice")
	f.Add("P@ssw0rd", "")
	f.Add("ⅷ\u0130ß\xff", "ß")
	f.Fuzz(func(t *testing.T, password, name string) {
		err := validate.Password(v1alpha1.PasswordPolicy{MinLength: 8}, []string{name}, []byte(password))
		var refused *validate.PasswordError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("Password = %v; want a *PasswordError or nil", err)
		}
	})
}

func BenchmarkPasswordWorst(b *testing.B) {
	worst := []byte(strings.Repeat("passwor1", 100) + "x")
	for b.Loop() {
		_ = validate.Password(v1alpha1.PasswordPolicy{}, []string{"alice", "Acme"}, worst)
	}
}
