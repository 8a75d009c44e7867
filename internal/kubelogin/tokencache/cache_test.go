package tokencache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/watchword-io/watchword/internal/kubelogin/tokencache"
)

const entry = "planted-refresh-token"

// secrets is a keyring in memory.
type secrets struct {
	items  map[string]string
	broken bool
}

func (s *secrets) Get(_ context.Context, name string) (string, error) {
	if s.broken {
		return "", tokencache.ErrNoKeyring
	}
	secret, ok := s.items[name]
	if !ok {
		return "", tokencache.ErrNone
	}
	return secret, nil
}

func (s *secrets) Set(_ context.Context, name, secret string) error {
	if s.broken {
		return tokencache.ErrNoKeyring
	}
	s.items[name] = secret
	return nil
}

func (s *secrets) Delete(_ context.Context, name string) error {
	delete(s.items, name)
	return nil
}

func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "cache") }

func TestRoundTrip(t *testing.T) {
	tests := map[string]struct {
		cache tokencache.Cache
		kind  tokencache.Kind
	}{
		"no keyring":                 {tokencache.Cache{}, tokencache.File},
		"file although keyring":      {tokencache.Cache{Kind: tokencache.File, Keyring: &secrets{}}, tokencache.File},
		"keyring":                    {tokencache.Cache{Keyring: &secrets{items: map[string]string{}}}, tokencache.Keyring},
		"keyring that does not work": {tokencache.Cache{Keyring: &secrets{broken: true}}, tokencache.File},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := test.cache
			c.Folder = folder(t)
			id := tokencache.Name("https://id.example.com", "kubernetes")
			if _, err := c.Load(t.Context(), id); !errors.Is(err, tokencache.ErrNone) {
				t.Fatalf("an empty cache: got %v", err)
			}
			for _, content := range []string{"older", entry} {
				kind, err := c.Save(t.Context(), id, []byte(content))
				if err != nil || kind != test.kind {
					t.Fatalf("saved to %q with %v, want %q", kind, err, test.kind)
				}
			}
			if got, err := c.Load(t.Context(), id); err != nil || string(got) != entry {
				t.Fatalf("loaded %q, %v", got, err)
			}
			if _, err := c.Load(t.Context(), tokencache.Name("https://id.example.com", "other")); !errors.Is(err, tokencache.ErrNone) {
				t.Errorf("another client's entry: got %v", err)
			}
			if readable := bytes.Contains(everything(t, c.Folder), []byte(entry)); readable != (test.kind == tokencache.File) {
				t.Errorf("the entry can be read in the folder: %v", readable)
			}
			if err := c.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Load(t.Context(), id); !errors.Is(err, tokencache.ErrNone) {
				t.Errorf("a deleted entry: got %v", err)
			}
			if left := everything(t, c.Folder); len(left) != 0 {
				t.Errorf("deleting leaves %d bytes", len(left))
			}
		})
	}
}

func everything(t *testing.T, folder string) []byte {
	t.Helper()
	var all []byte
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}

func TestKeyringOnly(t *testing.T) {
	for name, keyring := range map[string]tokencache.Secrets{"none": nil, "broken": &secrets{broken: true}} {
		c := tokencache.Cache{Folder: folder(t), Kind: tokencache.Keyring, Keyring: keyring}
		if _, err := c.Save(t.Context(), "x", []byte(entry)); !errors.Is(err, tokencache.ErrNoKeyring) {
			t.Errorf("%s: got %v, want no keyring", name, err)
		}
		if left := everything(t, c.Folder); len(left) != 0 {
			t.Errorf("%s: a file was written all the same", name)
		}
	}
}

// TestForeignSeal shows that what the keyring's key does not open counts as nothing.
func TestForeignSeal(t *testing.T) {
	ring := &secrets{items: map[string]string{}}
	c := tokencache.Cache{Folder: folder(t), Keyring: ring}
	for _, name := range []string{"a", "b"} {
		if _, err := c.Save(t.Context(), name, []byte(entry)); err != nil {
			t.Fatal(err)
		}
	}
	key := ring.items["a"]
	ring.items["a"] = ring.items["b"]
	if _, err := c.Load(t.Context(), "a"); !errors.Is(err, tokencache.ErrNone) {
		t.Errorf("another key: got %v", err)
	}
	ring.items["a"] = "junk"
	if _, err := c.Load(t.Context(), "a"); !errors.Is(err, tokencache.ErrNone) {
		t.Errorf("a key that is none: got %v", err)
	}
	ring.items["b"] = key
	must(t, os.Rename(filepath.Join(c.Folder, "a.sealed"), filepath.Join(c.Folder, "b.sealed")))
	if _, err := c.Load(t.Context(), "b"); !errors.Is(err, tokencache.ErrNone) {
		t.Errorf("an entry under another name: got %v", err)
	}
}

// TestSystemKeyring runs the adapter against go-keyring's own mock, and on a machine without a keyring.
func TestSystemKeyring(t *testing.T) {
	keyring.MockInit()
	system := tokencache.System{}
	if _, err := system.Get(t.Context(), "x"); !errors.Is(err, tokencache.ErrNone) {
		t.Errorf("an item that is not there: got %v", err)
	}
	if err := system.Set(t.Context(), "x", "secret"); err != nil {
		t.Fatal(err)
	}
	if got, err := system.Get(t.Context(), "x"); err != nil || got != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	for range 2 {
		if err := system.Delete(t.Context(), "x"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	keyring.MockInitWithError(errors.New("locked"))
	if _, err := system.Get(t.Context(), "x"); !errors.Is(err, tokencache.ErrNoKeyring) {
		t.Errorf("a locked keyring: got %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := system.Set(canceled, "x", "secret"); err == nil {
		t.Error("an ended context: got no error")
	}
}

func TestUnsafe(t *testing.T) {
	type place struct{ folder, file string }
	tests := map[string]struct {
		spoil func(t *testing.T, p place)
		want  string
	}{
		"folder open to others": {func(t *testing.T, p place) { must(t, os.Chmod(p.folder, 0o755)) }, "is open to others"},
		"folder writable":       {func(t *testing.T, p place) { must(t, os.Chmod(p.folder, 0o720)) }, "is open to others"},
		"folder is a link": {func(t *testing.T, p place) {
			must(t, os.Rename(p.folder, p.folder+"2"))
			must(t, os.Symlink(p.folder+"2", p.folder))
		}, "is a symbolic link"},
		"file open to others": {func(t *testing.T, p place) { must(t, os.Chmod(p.file, 0o640)) }, "is open to others"},
		"file is a link": {func(t *testing.T, p place) {
			must(t, os.Rename(p.file, p.file+"2"))
			must(t, os.Symlink(p.file+"2", p.file))
		}, "is a symbolic link"},
		"file is a folder": {func(t *testing.T, p place) {
			must(t, os.Remove(p.file))
			must(t, os.Mkdir(p.file, 0o700))
		}, "is no regular file"},
	}
	if os.Geteuid() == 0 { // only root can give a file away
		for _, what := range []string{"folder", "file"} {
			tests[what+" of somebody else"] = struct {
				spoil func(t *testing.T, p place)
				want  string
			}{func(t *testing.T, p place) {
				path := map[string]string{"folder": p.folder, "file": p.file}[what]
				must(t, os.Chown(path, 12345, -1))
			}, "belongs to another user"}
		}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := tokencache.Cache{Folder: folder(t), Kind: tokencache.File}
			if _, err := c.Save(t.Context(), "x", []byte(entry)); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, place{folder: c.Folder, file: filepath.Join(c.Folder, "x.json")})
			_, err := c.Load(t.Context(), "x")
			var unsafe *tokencache.Unsafe
			if !errors.As(err, &unsafe) || !bytes.Contains([]byte(unsafe.Why), []byte(test.want)) {
				t.Errorf("got %v, want it refused because it %s", err, test.want)
			}
		})
	}
}

// TestSaveReplacesALink shows that saving writes no file that a link points to.
func TestSaveReplacesALink(t *testing.T) {
	c := tokencache.Cache{Folder: folder(t), Kind: tokencache.File}
	must(t, os.MkdirAll(c.Folder, 0o700))
	target := filepath.Join(t.TempDir(), "target")
	must(t, os.WriteFile(target, []byte("theirs"), 0o600))
	must(t, os.Symlink(target, filepath.Join(c.Folder, "x.json")))
	if _, err := c.Save(t.Context(), "x", []byte(entry)); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(target); err != nil || string(content) != "theirs" {
		t.Errorf("the link's target holds %q, %v", content, err)
	}
	info, err := os.Lstat(filepath.Join(c.Folder, "x.json"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the file has mode %v, %v; want 0600", info.Mode(), err)
	}
}

// TestReadersSeeWholeEntries reads while another writes.
func TestReadersSeeWholeEntries(t *testing.T) {
	c := tokencache.Cache{Folder: folder(t), Kind: tokencache.File}
	whole := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 1<<14) }
	if _, err := c.Save(t.Context(), "x", whole(0)); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				content, err := c.Load(t.Context(), "x")
				if err != nil || !bytes.Equal(content, bytes.Repeat(content[:1], 1<<14)) {
					t.Errorf("a reader saw %d bytes of two entries, %v", len(content), err)
					return
				}
			}
		})
	}
	for i := range 100 {
		if _, err := c.Save(t.Context(), "x", whole(i)); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
}

func TestLock(t *testing.T) {
	c := tokencache.Cache{Folder: folder(t)}
	var group sync.WaitGroup
	inside, waits := 0, 0
	var mu sync.Mutex
	for range 20 {
		group.Go(func() {
			release, waited, err := c.Lock(t.Context(), "x", func() { mu.Lock(); waits++; mu.Unlock() })
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			mu.Lock()
			inside++
			if inside != 1 {
				t.Errorf("%d are inside at once", inside)
			}
			mu.Unlock()
			if waited {
				mu.Lock()
				waits--
				mu.Unlock()
			}
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	group.Wait()
	if waits != 0 {
		t.Errorf("%d more were told to wait than waited", waits)
	}
}

func TestLockEndsWithItsContext(t *testing.T) {
	c := tokencache.Cache{Folder: folder(t)}
	release, _, err := c.Lock(t.Context(), "x", func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, waited, err := c.Lock(ctx, "x", func() {}); !errors.Is(err, context.DeadlineExceeded) || !waited {
		t.Errorf("got %v after waiting: %v", err, waited)
	}
	free, waited, err := c.Lock(t.Context(), "another", func() {})
	if err != nil || waited {
		t.Fatalf("another name's lock: %v, waited: %v", err, waited)
	}
	free()
}

func TestLockIsNoLink(t *testing.T) {
	c := tokencache.Cache{Folder: folder(t)}
	must(t, os.MkdirAll(c.Folder, 0o700))
	must(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(c.Folder, "x.lock")))
	if _, _, err := c.Lock(t.Context(), "x", func() {}); !errors.As(err, new(*tokencache.Unsafe)) {
		t.Errorf("got %v, want the link refused", err)
	}
}

func TestFindSystem(t *testing.T) {
	if tokencache.FindSystem(func(name string) string {
		return map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus"}[name]
	}) == nil {
		t.Error("a session bus was not taken for a keyring")
	}
}

func TestRelativeFolder(t *testing.T) {
	c := tokencache.Cache{Folder: "here"}
	if _, err := c.Load(t.Context(), "x"); err == nil {
		t.Error("a relative folder was used: it would depend on where kubectl runs")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ExampleName() {
	fmt.Println(len(tokencache.Name("https://id.example.com/realms/acme", "kubernetes")))
	// Output: 32
}
