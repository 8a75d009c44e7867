// Package node runs scripts of Node.js with the packages that their lock file pins, for tests.
//
// It owns folders under bin where the scripts are copied to, because Node looks for packages beside them, and the processes. What a
// script is for, and what it prints, is its package's business. Invariant: packages are those of package-lock.json, by their hashes,
// from whatever registry this machine's npm asks; and two tests that install at the same time wait for one another.
package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/watchword-io/watchword/test/controlplane"
)

// timeout is for npm, which fetches a few small packages: far more than it takes.
const timeout = 5 * time.Minute

// Project is a folder of scripts.
type Project struct {
	// Name is that of the folder under bin.
	Name string
	// Files are package.json, package-lock.json and the scripts.
	Files fs.FS
}

// Install copies the files and installs the packages if the lock file has changed. It returns the folder.
func (p Project) Install(ctx context.Context) (string, error) {
	dir, err := p.install(ctx)
	if err != nil {
		return "", fmt.Errorf("install the scripts of bin/%s: %w", p.Name, err)
	}
	return dir, nil
}

func (p Project) install(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bin", p.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return "", err
	}
	defer lock.Close()
	if err := p.copy(dir); err != nil {
		return "", err
	}
	wanted, err := fs.ReadFile(p.Files, "package-lock.json")
	if err != nil {
		return "", err
	}
	// npm ci empties node_modules first, so that what is there is complete.
	mark := filepath.Join(dir, "node_modules", ".watchword-lock.json")
	installed, err := os.ReadFile(mark)
	if err == nil && bytes.Equal(installed, wanted) {
		return dir, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir, npm.WaitDelay = dir, 10*time.Second
	if output, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, output)
	}
	return dir, os.WriteFile(mark, wanted, 0o600)
}

// copy writes only what differs: a script may be running.
func (p Project) copy(dir string) error {
	return fs.WalkDir(p.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		wanted, err := fs.ReadFile(p.Files, name)
		if err != nil {
			return err
		}
		there, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Equal(there, wanted) {
			return nil
		}
		return os.WriteFile(filepath.Join(dir, name), wanted, 0o600)
	})
}

// Command is a script with its arguments, in the folder that Install returned. When ctx ends it is interrupted, and killed ten seconds later.
func Command(ctx context.Context, dir, script string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "node", append([]string{script}, arguments...)...)
	c.Dir = dir
	// playwright closes its browser when it is asked to end.
	c.Cancel, c.WaitDelay = func() error { return c.Process.Signal(os.Interrupt) }, 10*time.Second
	return c
}
