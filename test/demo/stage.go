package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/operator"
)

// noIssuers is the AuthenticationConfiguration that kube-apiserver starts with: it trusts nobody's tokens yet.
const noIssuers = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n"

const (
	systemNamespace = "watchword-system"
	realmNamespace  = "acme"
)

// stage is everything that runs, and the shell in front of it.
type stage struct {
	bin      string // the repository's bin/
	dir      string // bin/demo
	listen   string // address of the issuer
	portal   string // address of the relying party
	plane    *controlplane.ControlPlane
	operator *operator.Operator
	shell    *session
}

// newStage empties bin/demo.
func newStage(bin string) (*stage, error) {
	s := &stage{bin: bin, dir: filepath.Join(bin, "demo")}
	for _, binary := range []string{"watchword", "kubectl-watchword"} {
		if _, err := os.Stat(filepath.Join(bin, binary)); err != nil {
			return nil, fmt.Errorf("%w; run make build, or make demo, which does", err)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	ports, err := operator.FreePorts(2)
	if err != nil {
		return nil, err
	}
	s.listen, s.portal = ports[0], ports[1]
	return s, nil
}

// startControlPlane starts etcd, kube-apiserver and kube-controller-manager, and a shell that is set up for them.
func (s *stage) startControlPlane(ctx context.Context) (err error) {
	s.plane, err = controlplane.Start(ctx, controlplane.Options{
		Dir:                  filepath.Join(s.dir, "controlplane"),
		AuthenticationConfig: []byte(noIssuers),
		ControllerManager:    true,
	})
	if err != nil {
		return err
	}
	if err := s.writeEnv(); err != nil {
		return err
	}
	if s.shell, err = newSession(ctx); err != nil {
		return err
	}
	_, status, err := s.shell.run("source " + s.envFile())
	if err == nil && status != 0 {
		err = fmt.Errorf("source %s: exit status %d", s.envFile(), status)
	}
	return err
}

// startOperator starts watchword with a token of its ServiceAccount and no other right, and waits until it is ready to serve.
func (s *stage) startOperator(ctx context.Context) error {
	kubeconfig, err := s.plane.KubeconfigForServiceAccount(ctx, systemNamespace, "watchword")
	if err != nil {
		return err
	}
	s.operator, err = operator.Start(operator.Options{
		Binary:     filepath.Join(s.bin, "watchword"),
		Dir:        s.dir,
		Kubeconfig: kubeconfig,
		Namespaces: []string{realmNamespace},
		Listen:     s.listen,
	})
	if err != nil {
		return err
	}
	return s.operator.WaitReady(ctx)
}

// authenticationFile is the file that kube-apiserver reads and watches.
func (s *stage) authenticationFile() string {
	return filepath.Join(s.plane.Dir(), "authentication", "config.yaml")
}

func (s *stage) issuer() string { return "https://" + s.listen + "/realms/acme" }

func (s *stage) envFile() string { return filepath.Join(s.dir, "env") }

func (s *stage) caFile() string { return filepath.Join(s.dir, "ca.crt") }

// writeEnv writes what a shell, or another program, needs to use the stage. Values of the session are added when it has them.
func (s *stage) writeEnv(more ...string) error {
	lines := []string{
		"export KUBECONFIG=" + quote(s.plane.Kubeconfig()),
		"export PATH=" + quote(filepath.Dir(s.plane.Kubectl())) + ":" + quote(s.bin) + ":$PATH",
		"export ISSUER=" + quote(s.issuer()),
		"export CA_FILE=" + quote(s.caFile()),
		`export CURL_CA_BUNDLE="$CA_FILE"`,
		"export AUTHENTICATION_CONFIG=" + quote(s.authenticationFile()),
		"export PUBLIC_CLIENT_ID=kubernetes AUDIENCE=kubernetes",
		"export PORTAL=" + quote(s.portal) + " XDG_CACHE_HOME=" + quote(filepath.Join(s.dir, "cache")),
		"# field NAME: one value of the JSON on standard input. header and claims TOKEN: what a JWT says.",
		`field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }`,
		`part() { local p; p=$(cut -d. -f"$1" <<<"$2" | tr -- '-_' '+/'); while (( ${#p} % 4 )); do p+==; done; base64 -d <<<"$p" | sed 's/,"/,\n "/g'; echo; }`,
		`header() { part 1 "$1"; }; claims() { part 2 "$1"; }`,
	}
	typed, err := functions()
	if err != nil {
		return err
	}
	lines = append(append(lines, typed...), more...)
	return os.WriteFile(s.envFile(), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// variable reads a variable of the shell.
func (s *stage) variable(name string) (string, error) {
	out, _, err := s.shell.run(`printf '%s\n' "$` + name + `"`)
	return strings.TrimSuffix(out, "\n"), err
}

// stop ends everything, the operator first.
func (s *stage) stop() error {
	var stopped error
	if s.operator != nil {
		stopped = s.operator.Stop()
	}
	s.shell.close()
	if s.plane != nil {
		stopped = errors.Join(stopped, s.plane.Stop())
	}
	return stopped
}

// quote makes one word of a value for a shell.
func quote(value string) string { return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'" }
