package hasher

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"github.com/watchword-io/watchword/internal/credential"
)

// process is a worker in a child process.
type process struct {
	command   *exec.Cmd
	stdin     io.WriteCloser
	requests  *json.Encoder
	responses *json.Decoder
}

func startProcess(command []string, params credential.Params) (*process, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // our own executable; it ends with its input, not with a request
	// The child needs nothing of our surroundings, and what it is not given it cannot leak. One P is all a worker can use.
	cmd.Env = []string{"GOMAXPROCS=1"}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startAtLowPriority(cmd); err != nil {
		return nil, err
	}
	p := &process{command: cmd, stdin: stdin, requests: json.NewEncoder(stdin), responses: json.NewDecoder(stdout)}
	if err := p.requests.Encode(params); err != nil {
		p.close()
		return nil, fmt.Errorf("send hashing costs: %w", err)
	}
	return p, nil
}

// startAtLowPriority starts a command from a thread whose priority was lowered before, so that every thread of the child inherits it.
// The thread ends with its goroutine, which never unlocks it: only root could raise its priority again.
func startAtLowPriority(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		lowerPriority()
		started <- cmd.Start()
	}()
	return <-started
}

func (p *process) do(r request) (response, error) {
	var answer response
	if err := p.requests.Encode(r); err != nil {
		return answer, fmt.Errorf("ask hashing process: %w", err)
	}
	if err := p.responses.Decode(&answer); err != nil {
		return answer, fmt.Errorf("hear from hashing process: %w", err)
	}
	return answer, nil
}

// close ends the input of the child, which ends the child, and waits for it.
func (p *process) close() {
	_ = p.stdin.Close()
	_ = p.command.Wait() // how it ended matters to nobody any more
}
