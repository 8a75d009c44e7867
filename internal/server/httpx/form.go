package httpx

import (
	"bytes"
	"io"
	"net/http"
	"sync"

	"github.com/watchword-io/watchword/internal/oauth2"
)

// Forms reads form bodies through buffers that requests share. The zero value is ready, and safe for concurrent use.
type Forms struct{ buffers sync.Pool }

// Read reads a request's form body: of type application/x-www-form-urlencoded, at most oauth2.MaxBody bytes, and with no parameter of
// ours in the query. Every error is an *oauth2.Error.
func (f *Forms) Read(r *http.Request) (*oauth2.Form, error) {
	if err := oauth2.CheckQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	return f.ReadBody(r)
}

// ReadBody is Read for forms whose address has a query of its own.
func (f *Forms) ReadBody(r *http.Request) (*oauth2.Form, error) {
	if types := r.Header["Content-Type"]; len(types) != 1 || !oauth2.IsForm(types[0]) || len(r.Header["Content-Encoding"]) > 0 {
		return nil, oauth2.NotForm()
	}
	body, err := f.body(r)
	if err != nil {
		return nil, err
	}
	return oauth2.ParseForm(body)
}

func (f *Forms) body(r *http.Request) (string, error) {
	if r.ContentLength > oauth2.MaxBody {
		return "", oauth2.TooLarge()
	}
	buffer, ok := f.buffers.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	defer func() {
		clear(buffer.Bytes()) // it held a secret
		buffer.Reset()
		f.buffers.Put(buffer)
	}()
	n, err := buffer.ReadFrom(io.LimitReader(r.Body, oauth2.MaxBody+1))
	switch {
	case err != nil:
		return "", oauth2.BadRequest("body_unreadable", "the body could not be read")
	case n > oauth2.MaxBody:
		return "", oauth2.TooLarge()
	}
	return buffer.String(), nil
}
