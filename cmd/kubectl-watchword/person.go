package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/watchword-io/watchword/internal/kubelogin"
	"github.com/watchword-io/watchword/internal/kubelogin/browser"
	"github.com/watchword-io/watchword/internal/kubelogin/tokencache"
)

// cacheFlags say where tokens rest.
type cacheFlags struct {
	kind   string
	folder string
}

func (f *cacheFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "token-cache", string(tokencache.Auto),
		"where tokens are kept: keyring (sealed by the keyring of the operating system), file (readable by you only), or auto: the first that works")
	flags.StringVar(&f.folder, "token-cache-dir", "", "folder of the token cache; default: kubectl-watchword in the user's cache folder")
	_ = cmd.RegisterFlagCompletionFunc("token-cache", cobra.FixedCompletions(tokencache.Kinds(), cobra.ShellCompDirectiveNoFileComp))
}

func (f *cacheFlags) cache() (*tokencache.Cache, error) {
	if !slices.Contains(tokencache.Kinds(), f.kind) {
		return nil, hint(errors.New("--token-cache is none of "+strings.Join(tokencache.Kinds(), ", ")), "auto is right nearly always")
	}
	folder := f.folder
	if folder == "" {
		parent, err := os.UserCacheDir()
		if err != nil {
			return nil, hint(err, "name a folder with --token-cache-dir")
		}
		folder = filepath.Join(parent, "kubectl-watchword")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, hint(err, "name a folder with --token-cache-dir")
	}
	return &tokencache.Cache{Folder: folder, Kind: tokencache.Kind(f.kind), Keyring: tokencache.FindSystem(os.Getenv)}, nil
}

// askingFlags say how a person signs in.
type askingFlags struct {
	browser   bool
	device    bool
	password  bool
	noBrowser bool
	username  string
	again     bool
	timeout   time.Duration
}

func (f *askingFlags) bind(flags *pflag.FlagSet) {
	flags.BoolVar(&f.browser, "browser", false, "open a browser on this computer; the default where there is a display")
	flags.BoolVar(&f.device, "device", false, "sign in on any device by a code; the default over SSH and without a display")
	flags.BoolVar(&f.password, "password", false, "ask for user name and password on the terminal, where the realm allows it")
	flags.BoolVar(&f.noBrowser, "no-browser", false, "print the address instead of opening it; the browser must run on this computer")
	flags.StringVar(&f.username, "username", "", "user name to suggest")
	flags.DurationVar(&f.timeout, "timeout", 5*time.Minute, "how long to wait for a person")
}

// explicit tells whether a way to sign in was chosen.
func (f *askingFlags) explicit() bool { return slices.Contains(f.ways(), true) }

func (f *askingFlags) ways() []bool { return []bool{f.browser, f.device, f.password, f.noBrowser} }

func (f *askingFlags) asking(std streams) (*kubelogin.Asking, error) {
	chosen := 0
	for _, way := range f.ways() {
		if way {
			chosen++
		}
	}
	if chosen > 1 {
		return nil, hint(errors.New("--browser, --no-browser, --device and --password exclude each other"), "choose one")
	}
	a := &kubelogin.Asking{
		Method: kubelogin.Auto, Username: f.username, Again: f.again, Timeout: f.timeout, Present: browser.Present(os.Getenv),
		Open: func(address string) error { return browser.Open(address, std.err) },
		Line: askLine, Secret: askSecret, Say: sayer(std),
	}
	switch {
	case f.browser:
		a.Method = kubelogin.Browser
	case f.device:
		a.Method = kubelogin.Device
	case f.password:
		a.Method = kubelogin.Password
	case f.noBrowser:
		a.Method, a.Open = kubelogin.Browser, nil
	}
	return a, nil
}

func sayer(std streams) func(string, ...any) {
	return func(format string, args ...any) { say(std.err, format, args...) }
}

// personFlags are those of all commands for people.
type personFlags struct {
	realm  realmFlags
	cache  cacheFlags
	asking askingFlags
}

// session joins what the flags say. It asks nobody to sign in; set SignIn for that.
func (f *personFlags) session(std streams) (*kubelogin.Session, error) {
	connect, err := f.realm.connector(std)
	if err != nil {
		return nil, err
	}
	cache, err := f.cache.cache()
	if err != nil {
		return nil, err
	}
	return &kubelogin.Session{
		Issuer: f.realm.issuer, ClientID: f.realm.clientID, Cache: cache, Connect: connect, Now: time.Now, Say: sayer(std),
	}, nil
}

// asker is a session that may ask the person.
func (f *personFlags) asker(std streams) (*kubelogin.Session, error) {
	asking, err := f.asking.asking(std)
	if err != nil {
		return nil, err
	}
	session, err := f.session(std)
	if err != nil {
		return nil, err
	}
	session.SignIn = asking.SignIn
	return session, nil
}

// noArguments refuses words, with the hint that cobra.NoArgs lacks.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return hint(errors.New(cmd.CommandPath()+" takes flags only"), "%s --help lists them", cmd.CommandPath())
}

// runFunc is a command's work.
type runFunc func(ctx context.Context) error

func (r runFunc) run(cmd *cobra.Command, _ []string) error { return r(cmd.Context()) }
