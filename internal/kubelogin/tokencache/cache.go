// Package tokencache keeps the tokens of the person at this computer, and lets one process at a time change them.
//
// An entry is opaque bytes under a name. Where the operating system has a keyring, the keyring holds a random key and the file is
// sealed with it, because keyrings bound what an item may hold (2,560 bytes on Windows) and tokens with many groups are larger; where
// it has none, the file is readable by its owner only. What the tokens mean and when they are renewed is the caller's business. Its
// invariant: a folder or file that somebody else may read, write or replace is refused, never used.
package tokencache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Kind says where entries are kept.
type Kind string

// The kinds of storage.
const (
	// Auto is Keyring where there is one, else File.
	Auto Kind = "auto"
	// Keyring seals files with a key in the keyring of the operating system, and refuses to work without.
	Keyring Kind = "keyring"
	// File keeps plain files that only their owner may read.
	File Kind = "file"
)

// Kinds are all of them, for flags.
func Kinds() []string { return []string{string(Auto), string(Keyring), string(File)} }

var (
	// ErrNone means that there is no entry, or none that can be opened any more.
	ErrNone = errors.New("not signed in")
	// ErrNoKeyring means that the operating system has no keyring for this session, or that it refused.
	ErrNoKeyring = errors.New("no keyring")
)

// Secrets is the keyring of the operating system.
type Secrets interface {
	// Get returns ErrNone if the keyring works and holds no such item, and an error that is ErrNoKeyring if it does not work.
	Get(ctx context.Context, name string) (string, error)
	Set(ctx context.Context, name, secret string) error
	// Delete succeeds if there is no such item.
	Delete(ctx context.Context, name string) error
}

// Cache is the entries of one folder. It is safe for concurrent use by any number of processes; only writers need the Lock.
type Cache struct {
	// Folder is made if it is missing, with mode 0700.
	Folder string
	// Kind is where new entries go. Empty means Auto.
	Kind Kind
	// Keyring may be nil: there is none.
	Keyring Secrets
}

// Name makes the name of an entry from what distinguishes it. It is the same for the same parts, and fit for a file.
func Name(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Load returns an entry, or ErrNone.
func (c *Cache) Load(ctx context.Context, name string) ([]byte, error) {
	folder, err := openFolder(c.Folder)
	if err != nil {
		return nil, err
	}
	if c.Kind != File {
		content, err := c.loadSealed(ctx, folder, name)
		if c.Kind == Keyring || err == nil || !errors.Is(err, ErrNone) && !errors.Is(err, ErrNoKeyring) {
			return content, err
		}
	}
	return folder.read(plainFile(name))
}

func (c *Cache) loadSealed(ctx context.Context, folder folder, name string) ([]byte, error) {
	key, err := c.key(ctx, name)
	if err != nil {
		return nil, err
	}
	sealed, err := folder.read(sealedFile(name))
	if err != nil {
		return nil, err
	}
	return open(key, name, sealed)
}

// Save replaces an entry, all of it or nothing, and tells where it went. Call it under the Lock.
func (c *Cache) Save(ctx context.Context, name string, content []byte) (Kind, error) {
	folder, err := openFolder(c.Folder)
	if err != nil {
		return "", err
	}
	if c.Kind != File {
		err := c.saveSealed(ctx, folder, name, content)
		if err == nil {
			// An older entry from a time without keyring must not outlive this one.
			return Keyring, folder.remove(plainFile(name))
		}
		if c.Kind == Keyring || !errors.Is(err, ErrNoKeyring) {
			return "", err
		}
	}
	return File, folder.write(plainFile(name), content)
}

func (c *Cache) saveSealed(ctx context.Context, folder folder, name string, content []byte) error {
	key, err := c.key(ctx, name)
	if errors.Is(err, ErrNone) {
		key = newKey()
		err = c.Keyring.Set(ctx, name, hex.EncodeToString(key))
	}
	if err != nil {
		return err
	}
	return folder.write(sealedFile(name), seal(key, name, content))
}

// Delete forgets an entry wherever it is. Call it under the Lock.
func (c *Cache) Delete(ctx context.Context, name string) error {
	folder, err := openFolder(c.Folder)
	if err != nil {
		return err
	}
	err = errors.Join(folder.remove(plainFile(name)), folder.remove(sealedFile(name)))
	if c.Kind != File && c.Keyring != nil {
		// A key without its file opens nothing, so a keyring that is away is no reason to complain.
		if failed := c.Keyring.Delete(ctx, name); failed != nil && !errors.Is(failed, ErrNoKeyring) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// key returns the key of an entry, or ErrNone or ErrNoKeyring.
func (c *Cache) key(ctx context.Context, name string) ([]byte, error) {
	if c.Keyring == nil {
		return nil, ErrNoKeyring
	}
	text, err := c.Keyring.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != keyBytes {
		return nil, fmt.Errorf("%w: the keyring's item for it is not a key of ours", ErrNone)
	}
	return key, nil
}

func plainFile(name string) string  { return name + ".json" }
func sealedFile(name string) string { return name + ".sealed" }
