// Package story is what a relying party and the test that runs it tell one another: the task comes as JSON on standard input, and
// whatever the program has to say it prints, one JSON object a line. Its counterpart for Node.js is in ../../openidclient.
//
// A line {"visit": URL} asks for somebody who opens that address in a browser and signs in there; the last line is the Result.
package story

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

// Task is what the relying party is registered as, and what it is to do.
type Task struct {
	Story        string `json:"story"`
	Issuer       string `json:"issuer"`
	ClientID     string `json:"clientID"`
	ClientSecret string `json:"clientSecret"`
	// PostLogout is where a sign-out may return to.
	PostLogout string `json:"postLogout"`
}

// Result is what the relying party has found out. Fields that its library cannot know stay empty.
type Result struct {
	// Claims are those of the ID token, after the library has verified it.
	Claims map[string]any `json:"claims"`
	// UserInfo is what /userinfo says.
	UserInfo map[string]any `json:"userInfo,omitempty"`
	// Refreshed are the claims of the ID token after a refresh; Rotated says that the refresh token was replaced.
	Refreshed map[string]any `json:"refreshed,omitempty"`
	Rotated   bool           `json:"rotated"`
	// Active is what introspection says of the access token, ActiveAfter what it says once the refresh token was revoked.
	Active      *bool `json:"active,omitempty"`
	ActiveAfter *bool `json:"activeAfter,omitempty"`
	// Refused is the error with which a refresh is answered after that.
	Refused string `json:"refused,omitempty"`
	// EndSession is the address that signs the person out.
	EndSession string `json:"endSession,omitempty"`
}

// Main runs a relying party's stories by their names.
func Main(stories map[string]func(context.Context, Task) (*Result, error)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, stories); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to be undone
	}
}

func run(ctx context.Context, stories map[string]func(context.Context, Task) (*Result, error)) error {
	var task Task
	if err := json.NewDecoder(os.Stdin).Decode(&task); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	tell, known := stories[task.Story]
	if !known {
		return fmt.Errorf("there is no story %q", task.Story)
	}
	result, err := tell(ctx, task)
	if err != nil {
		return fmt.Errorf("%s: %w", task.Story, err)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// Visit asks for somebody to open an address.
func Visit(address string) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"visit": address})
}

// Listen takes a loopback port for redirects (RFC 8252 section 7.3) and returns the address that they go to.
func Listen() (listener net.Listener, redirectURI string, err error) {
	if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, "", err
	}
	return listener, "http://" + listener.Addr().String() + "/callback", nil
}

// Serve serves until ctx ends.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	_ = server.Serve(listener)
}

// Wait returns the first value that something sends, or the error that came in its place.
func Wait[T any](ctx context.Context, values <-chan T, problems <-chan error) (T, error) {
	var none T
	select {
	case value := <-values:
		return value, nil
	case err := <-problems:
		return none, err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
