package tokencache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxEntry bounds what is read; no token is near it.
const maxEntry = 1 << 20

// Unsafe is a folder or file that somebody else could read or change.
type Unsafe struct{ Path, Why string }

// Error implements error.
func (u *Unsafe) Error() string {
	return fmt.Sprintf("%s is not safe for tokens: it %s", u.Path, u.Why)
}

// folder is a checked folder.
type folder string

// openFolder makes the folder if it is missing.
func openFolder(path string) (folder, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("token cache %q: must be an absolute path", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("make token cache: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("open token cache: %w", err)
	}
	if !info.IsDir() {
		return "", &Unsafe{Path: path, Why: "is a symbolic link or no folder"}
	}
	return folder(path), private(path, info)
}

// read returns ErrNone if there is no such file.
func (f folder) read(name string) ([]byte, error) {
	path := filepath.Join(string(f), name)
	file, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case isSymlink(path, err):
		return nil, &Unsafe{Path: path, Why: "is a symbolic link"}
	case err != nil:
		return nil, fmt.Errorf("read token cache: %w", err)
	}
	defer file.Close()
	// Of the opened file, not of the path: that could be another one by now.
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read token cache: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Unsafe{Path: path, Why: "is no regular file"}
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxEntry+1))
	if err == nil && len(content) > maxEntry {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxEntry)
	}
	return content, err
}

// write replaces a file by a rename, so that a reader sees the old content or the new. The new file has mode 0600 and whatever was
// at its place, a link included, is not written through.
func (f folder) write(name string, content []byte) error {
	staged, err := os.CreateTemp(string(f), "."+name+"-*")
	if err != nil {
		return fmt.Errorf("write token cache: %w", err)
	}
	defer os.Remove(staged.Name())
	_, err = staged.Write(content)
	if err == nil {
		// A refresh token that a power cut loses is one that its next use revokes.
		err = staged.Sync()
	}
	if closed := staged.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(staged.Name(), filepath.Join(string(f), name))
	}
	if err != nil {
		return fmt.Errorf("write token cache: %w", err)
	}
	return nil
}

func (f folder) remove(name string) error {
	if err := os.Remove(filepath.Join(string(f), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget tokens: %w", err)
	}
	return nil
}

// isSymlink tells whether opening failed because of a symbolic link. Systems differ in the error.
func isSymlink(path string, opening error) bool {
	if opening == nil {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
