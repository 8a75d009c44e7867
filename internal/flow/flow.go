// Package flow is what one request of a sign-in leaves for the next one: codes, refresh tokens, device codes, cookies, pushed requests
// and the state of login forms, as values that are sealed for one purpose each.
//
// It owns their shapes and their life spans; sealing is package seal's, and whether something was used before is asked of package
// store. Its invariant: a value holds names and choices, never a secret and never what a person may do; who may have what is decided
// anew when the value comes back.
package flow

import (
	"time"

	"github.com/watchword-io/watchword/internal/seal"
)

// Value is one of this package's shapes: it knows what it is sealed for.
type Value interface{ purpose() seal.Purpose }

// Seal makes the text that stands for v until expires.
func Seal(box *seal.Box, v Value, expires time.Time) (string, error) {
	return seal.JSON(box, v.purpose(), expires, v)
}

// Open returns the value that a text stands for: seal.ErrExpired for a genuine one whose time is over, seal.ErrSealed for anything else.
func Open[T Value](box *seal.Box, sealed string, now time.Time) (T, error) {
	var zero T
	return seal.OpenJSON[T](box, zero.purpose(), sealed, now)
}
