package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// maxChanges bounds how often a change begins again. Each time means that another one succeeded, and a session sees few at once.
const maxChanges = 2 * MaxGrants

// Change reads a session, applies a rule to it and writes the outcome, from the beginning whenever somebody else was faster. It returns
// the session as the rule left it and the rule's own error, but only once what the rule wants written is written. A session that is
// gone, or was made again under the same name, is ErrEnded; any error that is not an ErrRefused nor ErrFull is trouble behind the store.
func Change(ctx context.Context, sessions Sessions, realm string, ref Ref, rule func(*Session) (write bool, err error)) (*Session, error) {
	// One that comes again at once meets the same others again: fifty at once would need a thousand attempts.
	pause := wait.Backoff{Duration: 4 * time.Millisecond, Factor: 2, Jitter: 1, Steps: 6}
	for range maxChanges {
		s, err := Find(ctx, sessions, realm, ref)
		if err != nil {
			return nil, err
		}
		write, verdict := rule(s)
		if !write {
			return s, verdict
		}
		switch err := sessions.Update(ctx, s); {
		case err == nil:
			return s, verdict
		case errors.Is(err, ErrNotFound):
			return nil, ErrEnded
		case !errors.Is(err, ErrConflict):
			return nil, fmt.Errorf("change session %q: %w", ref.Name, err)
		}
		select {
		case <-time.After(pause.Step()):
		case <-ctx.Done():
			return nil, fmt.Errorf("change session %q: %w", ref.Name, ctx.Err())
		}
	}
	return nil, fmt.Errorf("change session %q: %w %d times", ref.Name, ErrConflict, maxChanges)
}

// Find reads the session that a sealed value names. One that is gone, or was made again under the same name, is ErrEnded.
func Find(ctx context.Context, sessions Sessions, realm string, ref Ref) (*Session, error) {
	s, err := sessions.Get(ctx, realm, ref.Name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrEnded
	case err != nil:
		return nil, fmt.Errorf("find session %q: %w", ref.Name, err)
	case s.UID != ref.UID:
		return nil, ErrEnded
	}
	return s, nil
}
