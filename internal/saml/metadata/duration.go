package metadata

import (
	"strconv"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// maxDuration bounds cacheDuration: a year.
const maxDuration = 365 * 24 * time.Hour

// dateUnits and timeUnits are those of an xs:duration, in its order. Months and years are taken at their shortest: it is only about when
// to fetch again.
func dateUnits() []unit {
	return []unit{{'Y', 365 * 24 * time.Hour}, {'M', 28 * 24 * time.Hour}, {'D', 24 * time.Hour}}
}

func timeUnits() []unit {
	return []unit{{'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}}
}

type unit struct {
	letter byte
	length time.Duration
}

// parseDuration reads an xs:duration (XML Schema Part 2 section 3.2.6), such as PT6H or P1DT12H. Negative ones and such longer than a year
// are refused; fractions of a second are dropped.
func parseDuration(text string) (time.Duration, error) {
	refused := refusal.New(refusal.ValidityMalformed, "cacheDuration is %q, expected one such as PT6H, of at most a year", text)
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || rest == "" {
		return 0, refused
	}
	date, clock, timed := strings.Cut(rest, "T")
	if timed && clock == "" {
		return 0, refused
	}
	total, ok := sum(date, dateUnits())
	more, alsoOK := sum(clock, timeUnits())
	if total += more; !ok || !alsoOK || total > maxDuration || total <= 0 {
		return 0, refused
	}
	return total, nil
}

// sum adds up numbers with their units, which must be in order.
func sum(text string, units []unit) (time.Duration, bool) {
	var total time.Duration
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if end <= 0 || end > 9 {
			return 0, false
		}
		number, err := strconv.ParseInt(text[:end], 10, 64)
		if err != nil {
			return 0, false
		}
		text = text[end:]
		if fraction, ok := strings.CutPrefix(text, "."); ok && strings.TrimLeft(fraction, "0123456789") == "S" && len(fraction) > 1 {
			text = "S"
		}
		for len(units) > 0 && units[0].letter != text[0] {
			units = units[1:]
		}
		if len(units) == 0 || number > int64(maxDuration/units[0].length) {
			return 0, false
		}
		total += time.Duration(number) * units[0].length
		text, units = text[1:], units[1:]
	}
	return total, true
}
