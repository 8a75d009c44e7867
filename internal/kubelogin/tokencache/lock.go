package tokencache

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often a waiting process tries again; file locks have no queue.
const lockPoll = 50 * time.Millisecond

// Lock makes this process the only one that changes the entries of one name, until release is called or it ends, however it ends.
// waited tells whether another one had the lock, so that what is stored may be new; onWait is called once, when waiting begins.
func (c *Cache) Lock(ctx context.Context, name string, onWait func()) (release func(), waited bool, err error) {
	folder, err := openFolder(c.Folder)
	if err != nil {
		return nil, false, err
	}
	path := filepath.Join(string(folder), name+".lock")
	if isSymlink(path, os.ErrExist) {
		return nil, false, &Unsafe{Path: path, Why: "is a symbolic link"}
	}
	// The file stays: removing it would let two processes hold locks on two files of the same name.
	lock := flock.New(path, flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err == nil && !got {
		waited = true
		onWait()
		_, err = lock.TryLockContext(ctx, lockPoll)
	}
	if err != nil {
		return nil, waited, fmt.Errorf("lock token cache: %w", err)
	}
	return func() { _ = lock.Close() }, waited, nil
}
