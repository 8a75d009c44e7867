package seal

import (
	"encoding/json"
	"fmt"
	"time"
)

// JSON seals a value as JSON. It fails only on a value that JSON cannot hold.
func JSON(b *Box, purpose Purpose, expires time.Time, value any) (string, error) {
	plaintext, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encode value for %q: %w", purpose, err)
	}
	return b.Seal(purpose, expires, plaintext), nil
}

// OpenJSON opens what JSON sealed; the errors are those of Open. A genuine value that is no T, from another version of Watchword
// during an upgrade, is an ErrSealed too: the person begins again.
func OpenJSON[T any](b *Box, purpose Purpose, sealed string, now time.Time) (T, error) {
	var value T
	plaintext, err := b.Open(purpose, sealed, now)
	if err != nil {
		return value, err
	}
	if err := json.Unmarshal(plaintext, &value); err != nil {
		var zero T
		return zero, ErrSealed
	}
	return value, nil
}
