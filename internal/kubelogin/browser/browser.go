// Package browser opens a person's browser and receives the one answer that comes back to this computer (RFC 8252 section 7.3).
//
// It knows addresses and parameters, not what they mean: what a sign-in answer must satisfy is checked by internal/kubelogin/openid.
// Its invariant: only a GET of the callback path on 127.0.0.1 with the right state is taken, and only the first of them.
package browser

import (
	"io"
	"runtime"

	"github.com/cli/browser"
)

// Present tells whether a browser that is opened here appears before the person: not over SSH, and not without a display.
func Present(getenv func(string) string) bool { return present(getenv, runtime.GOOS) }

func present(getenv func(string) string, system string) bool {
	for _, remote := range []string{"SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"} {
		if getenv(remote) != "" {
			return false
		}
	}
	switch system {
	case "darwin", "windows":
		return true
	}
	// WSL has no display of its own, but the browser of Windows.
	for _, display := range []string{"DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"} {
		if getenv(display) != "" {
			return true
		}
	}
	return false
}

// Open opens an address in the person's browser. What the opening program has to say goes to words. Call it from one goroutine at a time.
func Open(address string, words io.Writer) error {
	// Standard output is for data, and the library would let its programs write there.
	browser.Stdout, browser.Stderr = words, words
	return browser.OpenURL(address)
}
