package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// write puts the document on out, if path is -, or into a file by a rename: a kube-apiserver that watches the file never sees half of it.
func write(path string, document []byte, out io.Writer) error {
	if path == "-" {
		_, err := out.Write(document)
		return err
	}
	staged, err := os.CreateTemp(filepath.Dir(path), ".watchword-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(staged.Name())
	_, err = staged.Write(document)
	if err == nil {
		err = staged.Chmod(0o644)
	}
	if closed := staged.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(staged.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// readFile reads a file, or standard input for -.
func readFile(path string, in io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(path)
}
