package server_test

import (
	"context"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/store"
)

// credentials stands for the API server at login: Secrets with hashes, and the counts of wrong passwords in the status of Users. The
// hook runs before each answer about a Secret, saveErr is what writes of counts meet.
type credentials struct {
	mu       sync.Mutex
	records  map[string]credential.Record
	failures map[string]directory.Failures
	version  int
	err      error
	saveErr  error
	hook     func()
	// reads of Secrets, asked and saves of counts, changes of Secrets.
	reads, asked, saves, changes int
}

// Credential implements passwords.Accounts.
func (c *credentials) Credential(_ context.Context, _, user string, _ types.UID) (credential.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.hook != nil {
		c.hook()
	}
	if c.err != nil {
		return credential.Record{}, c.err
	}
	r, ok := c.records[user]
	if !ok {
		return credential.Record{}, directory.ErrNoCredential
	}
	return r, nil
}

// SaveCredential implements passwords.Accounts.
func (c *credentials) SaveCredential(_ context.Context, _, user string, r credential.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stored, ok := c.records[user]
	switch {
	case c.err != nil:
		return c.err
	case !ok:
		return store.ErrNotFound
	case stored.Version != r.Version:
		return store.ErrConflict
	}
	c.changes++
	r.Version = c.next()
	c.records[user] = r
	return nil
}

// Failures implements passwords.Accounts. There is a User wherever there is a record.
func (c *credentials) Failures(_ context.Context, _, user string, _ types.UID) (directory.Failures, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.err != nil {
		return directory.Failures{}, c.err
	}
	f, ok := c.failures[user]
	if _, exists := c.records[user]; !ok && exists {
		f.Version = "0"
	}
	return f, nil
}

// SaveFailures implements passwords.Accounts.
func (c *credentials) SaveFailures(_ context.Context, _, user string, f directory.Failures) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stored, ok := c.failures[user]
	if !ok {
		stored.Version = "0"
	}
	switch {
	case c.saveErr != nil:
		return c.saveErr
	case stored.Version != f.Version:
		return store.ErrConflict
	}
	c.saves++
	f.Version = c.next()
	c.failures[user] = f
	return nil
}

func (c *credentials) next() string {
	c.version++
	return strconv.Itoa(c.version)
}

// counted returns the wrong passwords that are written down for a user.
func (c *credentials) counted(user string) directory.Failures {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures[user]
}
