package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	. "github.com/onsi/ginkgo/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watchword-io/watchword/test/textbrowser"
)

// The scripts are testdata/*.txtar: kubectl and its plugin as a person types them, against the realm acme. Each has a person of its own,
// $USERNAME with $PASSWORD, a home of its own, and an administrator's kubeconfig.
var _ = Describe("kubectl watchword", func() {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		panic(fmt.Sprintf("no scripts: %v", err))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		It("does what testdata/"+name+".txtar says", func(ctx context.Context) {
			_, who := newPerson(ctx, "script-"+name, "researchers")
			testscript.RunT(scriptT{GinkgoT()}, testscript.Params{
				Files: []string{file}, RequireExplicitExec: true, RequireUniqueNames: true,
				Setup: func(e *testscript.Env) error { return setUp(ctx, e, who) },
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"allow": allow, "eventually": eventually, "expand": expand, "generation": generation, "keypair": keypair,
					"parallel": parallel, "used-up": usedUp,
				},
			})
		})
	}
})

// scriptT runs a script in the spec itself.
type scriptT struct{ FullGinkgoTInterface }

func (t scriptT) Run(_ string, do func(testscript.T)) { do(t) }
func (t scriptT) Parallel()                           {}
func (t scriptT) Verbose() bool                       { return false }

func setUp(ctx context.Context, e *testscript.Env, who textbrowser.Someone) error {
	ca := filepath.Join(e.WorkDir, "realm-ca.crt")
	for name, value := range map[string]string{
		"ISSUER": issuers[acme], "REALM_CA": ca, "USERNAME": who.Username, "PASSWORD": who.Password,
		"HOME": e.WorkDir, "XDG_CACHE_HOME": filepath.Join(e.WorkDir, "cache"), "DISPLAY": ":0",
		"ADMIN": env.ControlPlane.Kubeconfig(), "KUBECONFIG": env.ControlPlane.Kubeconfig(),
		"PATH": strings.Join([]string{plugins, filepath.Dir(env.ControlPlane.Kubectl()), e.Getenv("PATH")}, string(os.PathListSeparator)),
	} {
		e.Setenv(name, value)
	}
	if err := os.WriteFile(filepath.Join(e.WorkDir, "password"), []byte(who.Password+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(ca, authority(ctx, acme), 0o600)
}

// xdgOpen is the name under which this test is the person's browser: it signs in as $USERNAME, without cookies from before.
const xdgOpen = "xdg-open"

func openInBrowser(args []string) (status int) {
	browser, err := scriptBrowser(os.Getenv)
	if err == nil {
		var page *textbrowser.Page
		page, err = browser.SignIn(context.Background(), args[0], textbrowser.Someone{Username: os.Getenv("USERNAME"), Password: os.Getenv("PASSWORD")})
		if err == nil {
			fmt.Println("the browser shows:", page.Text)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func scriptBrowser(getenv func(string) string) (*textbrowser.Browser, error) {
	ca, err := os.ReadFile(getenv("REALM_CA"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return textbrowser.New(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}), nil
}

var completeAddress = regexp.MustCompile(`https://\S+user_code=\S+`)

// allow COMMAND...: runs a command that shows a device code, and confirms it elsewhere. The command must then succeed; its output is in the
// files answer and words.
func allow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: allow COMMAND...")
	}
	browser, err := scriptBrowser(ts.Getenv)
	ts.Check(err)
	command := scripted(ts, args)
	output, err := os.Create(ts.MkAbs("answer"))
	ts.Check(err)
	defer output.Close()
	words, err := os.Create(ts.MkAbs("words"))
	ts.Check(err)
	defer words.Close()
	command.Stdout, command.Stderr = output, words
	ts.Check(command.Start())
	var content []byte
	var address string
	poll(ts, &content, func() bool {
		content, _ = os.ReadFile(words.Name())
		address = completeAddress.FindString(string(content))
		return strings.HasSuffix(string(content), "\n") && address != ""
	})
	_, err = browser.Confirm(context.Background(), address, textbrowser.Someone{Username: ts.Getenv("USERNAME"), Password: ts.Getenv("PASSWORD")})
	ts.Check(err)
	if err := command.Wait(); err != nil {
		ts.Fatalf("%v: %v\n%s", args, err, ts.ReadFile("words"))
	}
}

// eventually COMMAND...: the command succeeds within a minute.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: eventually COMMAND...")
	}
	var last []byte
	poll(ts, &last, func() bool {
		var err error
		last, err = scripted(ts, args).CombinedOutput()
		return err == nil
	})
}

// poll waits until done; if that takes too long, the script fails with what last holds.
func poll(ts *testscript.TestScript, last *[]byte, done func() bool) {
	const limit, pause = time.Minute, 100 * time.Millisecond
	for deadline := time.Now().Add(limit); !done(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			ts.Fatalf("not within %s; last: %s", limit, *last)
		}
	}
}

// scripted is a command with the script's environment.
func scripted(ts *testscript.TestScript, args []string) *exec.Cmd {
	command := exec.Command(args[0], args[1:]...)
	if path, err := exec.LookPath(filepath.Join(plugins, args[0])); err == nil {
		command = exec.Command(path, args[1:]...)
	}
	if args[0] == "kubectl" {
		command = exec.Command(env.ControlPlane.Kubectl(), args[1:]...)
	}
	command.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "XDG_CACHE_HOME", "DISPLAY", "REALM_CA", "KUBECONFIG", "USERNAME", "PASSWORD"} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	return command
}

// parallel N COMMAND...: N processes at once, all succeed and print the same.
func parallel(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: parallel N COMMAND...")
	}
	outputs, errs := make([]string, n), make([]error, n)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			var words bytes.Buffer
			command := scripted(ts, args[1:])
			command.Stderr = &words
			output, err := command.Output()
			outputs[i] = string(output)
			if err != nil {
				errs[i] = fmt.Errorf("process %d: %w: %s", i, err, &words)
			}
		})
	}
	running.Wait()
	ts.Check(errors.Join(errs...))
	for i := range n {
		if !json.Valid([]byte(outputs[i])) || outputs[i] != outputs[0] {
			ts.Fatalf("process %d printed another credential than the first", i)
		}
	}
}

// used-up: the token at hand has ended, as far as this computer knows.
func usedUp(ts *testscript.TestScript, _ bool, _ []string) {
	files, err := filepath.Glob(filepath.Join(ts.Getenv("XDG_CACHE_HOME"), "kubectl-watchword", "*.json"))
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("the token cache has %d files, want 1", len(files))
	}
	var tokens map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(files[0])), &tokens))
	tokens["expiry"] = time.Now().UTC().Format(time.RFC3339)
	content, err := json.Marshal(tokens)
	ts.Check(err)
	ts.Check(os.WriteFile(files[0], content, 0o600))
}

// generation N: the person has one session with one grant, whose refresh token has that generation.
func generation(ts *testscript.TestScript, _ bool, args []string) {
	found := sessions(context.Background(), ts.Getenv("USERNAME"))
	if len(found) != 1 || len(found[0].Spec.Grants) != 1 || strconv.FormatInt(found[0].Spec.Grants[0].Generation, 10) != args[0] {
		ts.Fatalf("the person's sessions are %+v, want one grant of generation %s", found, args[0])
	}
}

// keypair FILE: writes a private key, and sets $JWKS to the set of its public half.
func keypair(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), Algorithm: "ES256", Use: "sig"}}})
	ts.Check(err)
	ts.Setenv("JWKS", string(set))
}

// expand FILE...: replaces variables in files.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(os.Expand(ts.ReadFile(file), ts.Getenv)), 0o600))
	}
}
