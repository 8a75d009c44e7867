// Package browser runs scripts of playwright-core in Debian's chromium against servers that a Go test has started.
//
// The Go test owns servers, data and judgement; a script (*.mjs, beside this file) owns clicks and looks. They talk in JSON: the
// script finds its input in a file and prints its result. To add a test, write a script that begins like pages.mjs and call Run.
// Package node installs the packages under bin/browser.
package browser

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/node"
)

//go:embed package.json package-lock.json *.mjs
var scripts embed.FS

// timeout is for a script: far more than any takes.
const timeout = 12 * time.Minute

// Run runs a script with an input and reads its result into output. The error of a script that fails has what it wrote to stderr.
func Run(ctx context.Context, script string, input, output any) error {
	dir, err := node.Project{Name: "browser", Files: scripts}.Install(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
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
	var stdout, stderr bytes.Buffer
	command := node.Command(ctx, dir, script, file.Name())
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("run %s: %w\n%s%s", script, err, stdout.Bytes(), stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), output); err != nil {
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
