// Package browser runs scripts of playwright-core in Debian's chromium against servers that a Go test has started.
//
// The Go test owns servers, data and judgement; a script (*.mjs, beside this file) owns clicks and looks. They talk in JSON: the
// script finds its input in a file and prints its result. To add a test, write a script that begins like pages.mjs and call Run.
// Node's packages are those of package.json at exactly its versions, installed under bin/browser.
package browser

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/watchword-io/watchword/test/controlplane"
)

//go:embed package.json *.mjs
var scripts embed.FS

// timeout is for a script or for npm, which fetches two packages: far more than either takes.
const timeout = 8 * time.Minute

// Run runs a script with an input and reads its result into output. The error of a script that fails has what it wrote to stderr.
func Run(ctx context.Context, script string, input, output any) error {
	dir, err := install(ctx)
	if err != nil {
		return fmt.Errorf("install the browser scripts: %w", err)
	}
	arguments, err := json.Marshal(input)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "input-*.json")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.Write(arguments); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	result, err := command(ctx, dir, "node", script, file.Name())
	if err != nil {
		return err
	}
	if err := json.Unmarshal(result, output); err != nil {
		return fmt.Errorf("read the result of %s: %w", script, err)
	}
	return nil
}

// Screenshots is the folder of that name under bin, where pictures of pages are kept for people.
func Screenshots() (string, error) {
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bin", "screenshots")
	return dir, os.MkdirAll(dir, 0o755)
}

// install copies the scripts to bin/browser, where node finds their packages, and installs those if package.json has changed.
func install(ctx context.Context) (string, error) {
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bin", "browser")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	wanted, err := scripts.ReadFile("package.json")
	if err != nil {
		return "", err
	}
	installed, err := os.ReadFile(filepath.Join(dir, "node_modules", "package.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	names, err := fs.Glob(scripts, "*")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		content, err := scripts.ReadFile(name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", err
		}
	}
	if bytes.Equal(installed, wanted) {
		return dir, nil
	}
	if _, err := command(ctx, dir, "npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "node_modules", "package.json"), wanted, 0o644)
}

func command(ctx context.Context, dir, name string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, name, arguments...)
	c.Dir, c.Stdout, c.Stderr = dir, &stdout, &stderr
	// playwright closes its browser when it is asked to end.
	c.Cancel, c.WaitDelay = func() error { return c.Process.Signal(os.Interrupt) }, 10*time.Second
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("run %s %v: %w\n%s%s", name, arguments, err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
