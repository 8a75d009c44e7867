package pages

import (
	"fmt"
	"math"
	"strconv"
)

// color is a colour of sRGB, 0 to 1 a channel.
type color [3]float64

var (
	white = color{1, 1, 1}
	black = color{}
)

// parseColor reads #rrggbb.
func parseColor(s string) (color, bool) {
	if len(s) != 7 || s[0] != '#' {
		return color{}, false
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return color{}, false
	}
	return color{float64(n>>16) / 255, float64(n>>8&0xff) / 255, float64(n&0xff) / 255}, true
}

// String writes #rrggbb.
func (c color) String() string {
	return fmt.Sprintf("#%02x%02x%02x", channel(c[0]), channel(c[1]), channel(c[2]))
}

func channel(v float64) int { return int(math.Round(255 * min(1, max(0, v)))) }

// luminance is the relative luminance of WCAG 2.2.
func (c color) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, 1 to 21.
func contrast(a, b color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// mix goes from a (share 0) to b (share 1).
func mix(a, b color, share float64) color {
	var c color
	for i := range c {
		c[i] = a[i] + (b[i]-a[i])*share
	}
	return c
}

// textOn is white or black, whichever is read more easily on c: at least 4.5 to 1 for any c.
func textOn(c color) color {
	if contrast(c, white) >= contrast(c, black) {
		return white
	}
	return black
}

// against moves c towards the far end from surface, white or black, in small steps until it has the contrast.
func (c color) against(surface color, ratio float64) color {
	end := textOn(surface)
	for share := 0.0; share < 1; share += 0.02 {
		if moved := mix(c, end, share); contrast(moved, surface) >= ratio {
			return moved
		}
	}
	return end
}
