package tokencache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"github.com/zalando/go-keyring"
)

// service names our items in the keyring, as people see them there.
const service = "kubectl-watchword"

// System is the keyring of the operating system: Keychain, Credential Manager, or the Secret Service.
type System struct{}

// FindSystem returns the keyring, or nil where there is certainly none. Asking for one on a machine without a session bus would start
// a bus.
func FindSystem(getenv func(string) string) Secrets {
	switch runtime.GOOS {
	case "darwin", "windows":
		return System{}
	}
	if getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return System{}
	}
	if _, err := os.Stat("/run/user/" + strconv.Itoa(os.Getuid()) + "/bus"); err == nil {
		return System{}
	}
	return nil
}

// Get implements Secrets.
func (System) Get(ctx context.Context, name string) (string, error) {
	var secret string
	err := wait(ctx, func() (err error) { secret, err = keyring.Get(service, name); return err })
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Set implements Secrets.
func (System) Set(ctx context.Context, name, secret string) error {
	return wait(ctx, func() error { return keyring.Set(service, name, secret) })
}

// Delete implements Secrets.
func (System) Delete(ctx context.Context, name string) error {
	if err := wait(ctx, func() error { return keyring.Delete(service, name) }); !errors.Is(err, ErrNone) {
		return err
	}
	return nil
}

// wait runs a call that knows no context and may wait for a person to unlock the keyring.
func wait(ctx context.Context, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		switch {
		case err == nil:
			return nil
		case errors.Is(err, keyring.ErrNotFound):
			return ErrNone
		}
		return fmt.Errorf("%w: %w", ErrNoKeyring, err)
	case <-ctx.Done():
		return fmt.Errorf("wait for the keyring: %w", ctx.Err())
	}
}
