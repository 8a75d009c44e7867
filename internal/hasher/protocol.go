package hasher

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/watchword-io/watchword/internal/credential"
)

// request asks to verify a password against Verify, or to hash it when that is empty.
type request struct {
	Verify   string `json:"verify,omitempty"`
	Password []byte `json:"password"`
}

type response struct {
	Hash   string `json:"hash,omitempty"`
	OK     bool   `json:"ok,omitempty"`
	Rehash bool   `json:"rehash,omitempty"`
	// Unreadable reports credential.ErrHash.
	Unreadable bool `json:"unreadable,omitempty"`
}

func (r response) err() error {
	if r.Unreadable {
		return credential.ErrHash
	}
	return nil
}

// worker does one request at a time. An error means that it can do no more.
type worker interface {
	do(request) (response, error)
	close()
}

func closeWorker(w worker) {
	if w != nil {
		w.close()
	}
}

// local hashes in this process.
type local struct{ params credential.Params }

func (l local) do(r request) (response, error) {
	if r.Verify == "" {
		return response{Hash: credential.Hash(r.Password, l.params)}, nil
	}
	ok, rehash, err := credential.Verify(r.Verify, r.Password, l.params)
	return response{OK: ok, Rehash: rehash, Unreadable: err != nil}, nil
}

func (local) close() {}

// Serve is the child's side: it reads the costs, then requests, each a line of JSON, answers each with a line, and returns nil at the end
// of its input, which comes at the latest when the parent dies.
func Serve(in io.Reader, out io.Writer) error {
	requests, responses := json.NewDecoder(in), json.NewEncoder(out)
	var l local
	if err := requests.Decode(&l.params); err != nil {
		return errors.New("read hashing costs: this command is started by watchword itself, not by hand")
	}
	for {
		var r request
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		answer, _ := l.do(r) // hashing in this process has no error
		if err := responses.Encode(answer); err != nil {
			return fmt.Errorf("write response: %w", err)
		}
	}
}
