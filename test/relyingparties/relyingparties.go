// Package relyingparties runs relying parties that nobody here wrote: coreos/go-oidc and zitadel/oidc, in Go, and openid-client, in
// Node.js. Each is a program, so that what it needs is in nobody's go.mod but its own (golang) or its own package.json (openidclient).
//
// It owns the processes and the talk with them: a program says which address somebody must visit, and in the end what it has found out.
// Who visits, and whether the findings are right, is for the test to say. Invariant: a program ends before Tell returns.
package relyingparties

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/node"
)

//go:embed openidclient
var scripts embed.FS

// timeout is for one story, its sign-in included, on a machine that does other things as well.
const timeout = 3 * time.Minute

// Task is what a relying party is registered as, and what it is to do (golang/story has its other end).
type Task struct {
	Story        string          `json:"story"`
	Issuer       string          `json:"issuer"`
	ClientID     string          `json:"clientID"`
	ClientSecret string          `json:"clientSecret,omitempty"`
	PrivateKey   json.RawMessage `json:"privateKey,omitempty"`
	PostLogout   string          `json:"postLogout,omitempty"`
}

// Result is what a relying party has found out. What its library cannot know, or its story is not about, stays empty.
type Result struct {
	// Claims are those of the ID token as the library has verified it, Refreshed those after a refresh.
	Claims, Refreshed map[string]any
	UserInfo          map[string]any
	// Rotated: the refresh brought another refresh token.
	Rotated bool
	// Active is what introspection says of the access token, ActiveAfter what it says once the refresh token was revoked.
	Active, ActiveAfter *bool
	// Refused is the error with which a refresh is answered after that.
	Refused string
	// EndSession is the address that signs the person out.
	EndSession string
}

// Parties are the programs, ready to be run.
type Parties struct {
	binaries, scripts string
	caFile            string
}

// Prepare builds and installs them. They trust the certificate authority in caFile and no other. Binaries go to dir.
func Prepare(ctx context.Context, dir, caFile string) (*Parties, error) {
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./...")
	build.Dir = filepath.Join(root, "test", "relyingparties", "golang")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the relying parties: %w\n%s", err, output)
	}
	files, err := fs.Sub(scripts, "openidclient")
	if err != nil {
		return nil, err
	}
	installed, err := node.Project{Name: "openidclient", Files: files}.Install(ctx)
	return &Parties{binaries: dir, scripts: installed, caFile: caFile}, err
}

// Tell runs a party ("coreos", "zitadel" or "openid-client") with a task, and has visit open the addresses that it names.
func (p *Parties) Tell(ctx context.Context, party string, task Task, visit func(address string) error) (*Result, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	input, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, filepath.Join(p.binaries, party))
	if party == "openid-client" {
		command = node.Command(ctx, p.scripts, "main.mjs")
	}
	var stderr bytes.Buffer
	command.Stdin, command.Stderr = bytes.NewReader(input), &stderr
	// Go reads the one, Node.js the other.
	command.Env = append(os.Environ(), "SSL_CERT_FILE="+p.caFile, "SSL_CERT_DIR=/nowhere", "NODE_EXTRA_CA_CERTS="+p.caFile)
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	result, err := listen(stdout, visit)
	if err != nil {
		cancel() // whom nobody visits waits for ever
	}
	if exit := command.Wait(); exit != nil {
		return nil, fmt.Errorf("%s: %w: %s", party, errors.Join(err, exit), bytes.TrimSpace(stderr.Bytes()))
	}
	return result, err
}

// listen reads what a program prints to its end.
func listen(stdout io.Reader, visit func(address string) error) (*Result, error) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	var last []byte
	for lines.Scan() {
		var line struct{ Visit string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("read the line %q: %w", lines.Bytes(), err)
		}
		if line.Visit == "" {
			last = bytes.Clone(lines.Bytes())
			continue
		}
		if err := visit(line.Visit); err != nil {
			return nil, fmt.Errorf("visit %s: %w", line.Visit, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if last == nil {
		return nil, errors.New("it found nothing out")
	}
	result := &Result{}
	return result, json.Unmarshal(last, result)
}
