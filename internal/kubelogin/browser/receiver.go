package browser

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	path = "/callback"
	// pageTimeout is how long the browser waits for the outcome before it is told to look at the terminal.
	pageTimeout = 30 * time.Second
	// farewell is how long the last page may take to be sent.
	farewell = 2 * time.Second
)

// Receiver waits on a port of 127.0.0.1 for one answer. Its methods are safe for concurrent use.
type Receiver struct {
	state    string
	address  string
	listener net.Listener
	server   *http.Server
	response chan url.Values
	outcome  chan error
	once     sync.Once
}

// Listen opens the port; answers must carry state. Close it.
func Listen(ctx context.Context, state string) (*Receiver, error) {
	if state == "" {
		return nil, errors.New("receive the browser's answer: the state is empty")
	}
	// Not localhost: that may be another address, or by its name another computer (RFC 8252 section 8.3).
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("receive the browser's answer: %w", err)
	}
	r := &Receiver{
		state: state, address: listener.Addr().String(), listener: listener,
		response: make(chan url.Values, 1), outcome: make(chan error, 1),
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 32 << 10}
	go r.server.Serve(listener) //nolint:errcheck // it ends by Close, and an answer that never comes is a timeout
	return r, nil
}

// RedirectURI is the address that the answer goes to.
func (r *Receiver) RedirectURI() string { return "http://" + r.address + path }

// Wait returns the parameters of the answer, or the context's error.
func (r *Receiver) Wait(ctx context.Context) (url.Values, error) {
	select {
	case response := <-r.response:
		return response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Finish tells the browser what became of its answer; nil is success. Call it once, after Wait.
func (r *Receiver) Finish(err error) { r.outcome <- err }

// Close ends the port after the last page has been sent.
func (r *Receiver) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if r.server.Shutdown(ctx) != nil {
		_ = r.server.Close()
	}
	// A server that was closed before it began to serve closes its listener only when it begins.
	_ = r.listener.Close()
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	switch {
	// Another name for this address is a page elsewhere that had its name point here.
	case request.Host != r.address:
		show(w, http.StatusMisdirectedRequest, pageElsewhere)
	case request.URL.Path != path:
		show(w, http.StatusNotFound, pageElsewhere)
	case request.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		show(w, http.StatusMethodNotAllowed, pageElsewhere)
	default:
		r.receive(w, request)
	}
}

// receive takes the first answer with the right state. Others change nothing, so that no page the person happens to visit can end her
// sign-in.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	query, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil || len(query["state"]) != 1 || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(r.state)) != 1 {
		show(w, http.StatusBadRequest, pageStranger)
		return
	}
	first := false
	r.once.Do(func() { first = true })
	if !first {
		show(w, http.StatusGone, pageUsed)
		return
	}
	r.response <- query
	timeout := time.NewTimer(pageTimeout)
	defer timeout.Stop()
	select {
	case err := <-r.outcome:
		if err != nil {
			show(w, http.StatusBadRequest, pageFailed)
			return
		}
		show(w, http.StatusOK, pageDone)
	case <-timeout.C:
		show(w, http.StatusGatewayTimeout, pageFailed)
	case <-request.Context().Done():
	}
}
