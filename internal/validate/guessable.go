package validate

import (
	_ "embed" // the most common passwords
	"sort"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	// enough is how many characters must be left of a password when everything that a guesser tries first is taken away.
	enough = 8
	// judged is how many of its characters are looked at: what is enough is found there, and judging stays below a millisecond.
	judged = 128
	// shortestName is the shortest name that is looked for: shorter ones stand in words by chance.
	shortestName = 4
	// shortestCommon is the length of the shortest of commonPasswords.
	shortestCommon = 8
)

// commonPasswords are those of at least eight characters among the 30,000 most common ones, lower-case, sorted, a line each; from zxcvbn
// 4.4.2 (Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.; MIT licence). They are searched where they lie, so they cost no heap.
//
//go:embed common_passwords.txt
var commonPasswords string

// guessable reports whether a password is little more than names, common passwords, sequences and repetitions.
func guessable(password string, names []string) bool {
	text := []rune(fold(password))
	text = text[:min(len(text), judged)]
	if repeated(text) {
		return true
	}
	taken := make([]bool, len(text))
	for _, name := range parts(names) {
		take(text, taken, []rune(name))
	}
	for _, spelling := range [][]rune{text, unleet(text)} {
		takeCommon(spelling, taken)
	}
	takeRuns(text, taken)
	left, different := 0, map[rune]bool{}
	for i, r := range text {
		if !taken[i] {
			left++
			different[r] = true
		}
	}
	return left < enough || len(different) <= enough/2
}

// fold makes spellings of one text equal: case and width do not count.
func fold(s string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(s))) }

// parts are the words in names that are long enough to look for: those of "Alice Liddell" and alice.liddell@example.com.
func parts(names []string) []string {
	var found []string
	for _, name := range names {
		words := strings.FieldsFunc(fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, word := range words {
			if len([]rune(word)) >= shortestName {
				found = append(found, word)
			}
		}
	}
	return found
}

// take marks every occurrence of a word.
func take(text []rune, taken []bool, word []rune) {
	for at := 0; at+len(word) <= len(text); at++ {
		if string(text[at:at+len(word)]) != string(word) {
			continue
		}
		for i := range word {
			taken[at+i] = true
		}
	}
}

// takeCommon marks every common password within the text.
func takeCommon(text []rune, taken []bool) {
	spelled := make([]byte, len(text))
	for i, r := range text {
		spelled[i] = 0xff // the list is ASCII
		if r < unicode.MaxASCII {
			spelled[i] = byte(r) //nolint:gosec // ASCII
		}
	}
	for at := 0; at+shortestCommon <= len(spelled); at++ {
		for i := range commonAt(string(spelled[at:])) {
			taken[at+i] = true
		}
	}
}

// commonAt is the length of the longest common password that text begins with; 0 for none. It finds the first line with the same
// beginning by binary search and reads on from there.
func commonAt(text string) int {
	key := text[:shortestCommon]
	at := sort.Search(len(commonPasswords), func(i int) bool {
		line, _, _ := strings.Cut(commonPasswords[strings.LastIndexByte(commonPasswords[:i], '\n')+1:], "\n")
		return line >= key
	})
	longest := 0
	for rest := commonPasswords[at:]; strings.HasPrefix(rest, key); {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if strings.HasPrefix(text, line) {
			longest = max(longest, len(line))
		}
	}
	return longest
}

// unleet writes the letters that figures and signs stand for.
func unleet(text []rune) []rune {
	letters := map[rune]rune{'0': 'o', '1': 'i', '!': 'i', '3': 'e', '4': 'a', '@': 'a', '5': 's', '$': 's', '7': 't', '+': 't', '8': 'b', '9': 'g'}
	out := make([]rune, len(text))
	for i, r := range text {
		out[i] = r
		if letter, ok := letters[r]; ok {
			out[i] = letter
		}
	}
	return out
}

// keyboards are the rows of keys that fingers run along.
var keyboards = [...]string{"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "1234567890"}

// takeRuns marks what follows from the character before: the same again, the next or the one before in the alphabet or on the keyboard, as
// soon as there are three in a row. The first of a run stays.
func takeRuns(text []rune, taken []bool) {
	for _, step := range []func(a, b rune) bool{
		func(a, b rune) bool { return b == a || b == a+1 },
		func(a, b rune) bool { return b == a || b == a-1 },
		neighbours,
		func(a, b rune) bool { return neighbours(b, a) },
	} {
		for begin := 0; begin < len(text); {
			end := begin + 1
			for end < len(text) && step(text[end-1], text[end]) {
				end++
			}
			if end-begin >= 3 {
				for i := begin + 1; i < end; i++ {
					taken[i] = true
				}
			}
			begin = end
		}
	}
}

// neighbours reports whether b is the key to the right of a.
func neighbours(a, b rune) bool {
	for _, row := range keyboards {
		if i := strings.IndexRune(row, a); i >= 0 && strings.HasPrefix(row[i+1:], string(b)) {
			return true
		}
	}
	return false
}

// repeated reports whether the text is one short piece again and again.
func repeated(text []rune) bool {
	for period := 1; period < enough && 2*period <= len(text); period++ {
		same := true
		for i := period; i < len(text) && same; i++ {
			same = text[i] == text[i-period]
		}
		if same {
			return true
		}
	}
	return false
}
