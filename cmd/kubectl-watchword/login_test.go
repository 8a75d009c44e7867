package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watchword-io/watchword/test/fakerealm"
)

// TestLoginScripts runs testdata/login/*.txtar: each has a realm of its own, at $ISSUER with the authority $REALM_CA.
func TestLoginScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/login",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			realm := fakerealm.New()
			e.Defer(realm.Close)
			e.Values[realmKey{}] = realm
			ca := filepath.Join(e.WorkDir, "realm-ca.crt")
			e.Setenv("ISSUER", realm.Issuer())
			e.Setenv("REALM_CA", ca)
			e.Setenv("PASSWORD", fakerealm.Password)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("KUBECONFIG", filepath.Join(e.WorkDir, "kubeconfig"))
			e.Setenv("DISPLAY", ":0")
			return os.WriteFile(ca, realm.CA(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"asked": asked, "realm": behave, "parallel": parallel, "keys": keys,
		},
	})
}

type realmKey struct{}

func realmOf(ts *testscript.TestScript) *fakerealm.Realm {
	return ts.Value(realmKey{}).(*fakerealm.Realm)
}

// openInBrowser stands in for xdg-open: a browser in which the person is signed in already.
func openInBrowser() {
	ca, err := os.ReadFile(os.Getenv("REALM_CA"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	status, err := fakerealm.Browse(client, os.Args[1])
	fmt.Println("the browser writes to standard output", status, err)
}

// asked WHAT TIMES: the realm was asked so often for it.
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: asked WHAT TIMES")
	}
	if got := strconv.Itoa(realmOf(ts).Count(args[0])); got != args[1] {
		ts.Fatalf("the realm was asked %s times for %s, want %s; all: %v", got, args[0], args[1], realmOf(ts).Counts())
	}
}

// behave WORD...: the realm behaves so from now on.
func behave(ts *testscript.TestScript, _ bool, args []string) {
	words := map[string]func(*fakerealm.Behaviour){
		"good":        func(b *fakerealm.Behaviour) { *b = fakerealm.Behaviour{} },
		"used-up":     func(b *fakerealm.Behaviour) { b.Age, b.Lifetime = time.Hour, time.Hour+20*time.Second },
		"down":        func(b *fakerealm.Behaviour) { b.Down = true },
		"expired":     func(b *fakerealm.Behaviour) { b.Age = time.Hour },
		"alg-none":    func(b *fakerealm.Behaviour) { b.Algorithm = "none" },
		"no-device":   func(b *fakerealm.Behaviour) { b.Metadata = without("device_authorization_endpoint") },
		"no-password": func(b *fakerealm.Behaviour) { b.Metadata = without("grant_types_supported") },
		"denied":      func(b *fakerealm.Behaviour) { b.DeviceError = "access_denied" },
		"no-revoke":   func(b *fakerealm.Behaviour) { b.RevokeFails = true },
	}
	for _, word := range args {
		if code, ok := strings.CutPrefix(word, "error="); ok {
			realmOf(ts).Behave(func(b *fakerealm.Behaviour) { b.TokenError = code })
			continue
		}
		if word == "end-sessions" {
			realmOf(ts).EndSessions()
			continue
		}
		change, ok := words[word]
		if !ok {
			ts.Fatalf("realm: unknown word %q", word)
		}
		realmOf(ts).Behave(change)
	}
}

func without(name string) func(map[string]any) {
	return func(m map[string]any) { delete(m, name) }
}

// parallel N COMMAND...: N processes at once, all succeed and print the same credential.
func parallel(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: parallel N COMMAND...")
	}
	var env []string
	for _, name := range []string{"HOME", "PATH", "XDG_CACHE_HOME", "DISPLAY", "REALM_CA", "KUBECONFIG"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	program, err := exec.LookPath(args[1])
	ts.Check(err)
	outputs := make([]string, n)
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			var words bytes.Buffer
			command := exec.Command(program, args[2:]...)
			command.Env, command.Stderr = env, &words
			output, err := command.Output()
			outputs[i] = string(output)
			if err != nil {
				errs[i] = fmt.Errorf("process %d: %w: %s", i, err, &words)
			}
		})
	}
	group.Wait()
	for i := range n {
		ts.Check(errs[i])
		if !json.Valid([]byte(outputs[i])) || outputs[i] != outputs[0] {
			ts.Fatalf("process %d printed another credential than the first: %q", i, outputs[i])
		}
	}
}

// keys FILE: writes a private key as PEM.
func keys(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), newPrivateKey(), 0o600))
}
