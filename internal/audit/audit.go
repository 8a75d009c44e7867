// Package audit writes one JSON record for each decision: who asked for what from where, and what was decided and why.
//
// It owns the shape of a record and its way to the writer; what a decision is, the callers know. Its invariant: a record is one line
// of printable ASCII whatever a stranger sent, and holds no secret and no token, only a token's jti and kid.
package audit

import (
	"io"
	"sync"
	"time"
	"unicode/utf8"
)

// Results of a decision.
const (
	Success = "success"
	Failure = "failure"
)

// Record is one decision. Empty fields are left out.
type Record struct {
	Time      time.Time
	RequestID string
	// Realm is the realm's namespace.
	Realm string
	// Action is what was asked for, for example token.issue.
	Action string
	// Grant is the OAuth 2.0 grant_type.
	Grant string
	// Actor is the subject a token is for: a person's user name or an application's, as far as it is known.
	Actor string
	// Client is the client_id as sent.
	Client string
	// Source is the address of the peer.
	Source string
	// Session is the name of the Session object that was used, made or ended.
	Session string
	// Result is Success or Failure.
	Result string
	// Reason is the exact cause of a Failure, in snake_case; clients are told less. With a Success it says why nothing had to be done.
	Reason string
	// Audience, KeyID and TokenID (jti) of the access token that was issued, or that came back.
	Audience, KeyID, TokenID string
}

// flushAfter is how long a record may wait in memory.
const flushAfter = 200 * time.Millisecond

// flushAt is how many bytes wait at most.
const flushAt = 32 << 10

// Log writes records to one writer. It is safe for concurrent use.
//
// Records are collected for up to 200 ms or 32 KiB, because a system call for each would cost a tenth of the throughput. Nothing is
// lost when the process drains (Close), nothing is ever dropped: a writer that blocks blocks the requests. A process that is killed
// without warning may lose the last 200 ms.
type Log struct {
	mu      sync.Mutex
	w       io.Writer
	pending []byte
	timer   *time.Timer
	err     error
}

// New makes a Log that writes whole lines to w.
func New(w io.Writer) *Log {
	return &Log{w: w, pending: make([]byte, 0, flushAt+4<<10)}
}

// Write adds a record. It returns at once unless the writer blocks.
func (l *Log) Write(r *Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = r.append(l.pending)
	switch {
	case len(l.pending) >= flushAt:
		l.flush()
	case l.timer == nil:
		l.timer = time.AfterFunc(flushAfter, func() { _ = l.Flush() })
	}
}

// Flush writes what waits, and returns the first error the writer ever returned.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return l.err
}

// Close is Flush; a Log needs no other end.
func (l *Log) Close() error { return l.Flush() }

func (l *Log) flush() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if len(l.pending) == 0 {
		return
	}
	if _, err := l.w.Write(l.pending); err != nil && l.err == nil {
		l.err = err
	}
	l.pending = l.pending[:0]
}

// append renders the record as one line. It is written by hand because it is on the path of every token.
func (r *Record) append(b []byte) []byte {
	b = append(b, `{"audit":"watchword","time":"`...)
	b = r.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, '"')
	for _, field := range [...]struct{ name, value string }{
		{"request_id", r.RequestID}, {"realm", r.Realm}, {"action", r.Action}, {"grant", r.Grant}, {"actor", r.Actor},
		{"client", r.Client}, {"source", r.Source}, {"session", r.Session}, {"result", r.Result}, {"reason", r.Reason},
		{"audience", r.Audience}, {"kid", r.KeyID}, {"jti", r.TokenID},
	} {
		if field.value == "" {
			continue
		}
		b = append(b, `,"`...)
		b = append(b, field.name...)
		b = append(b, `":"`...)
		b = appendQuoted(b, field.value)
		b = append(b, '"')
	}
	return append(b, "}\n"...)
}

// maxValue bounds what one stranger can put into a record, in bytes.
const maxValue = 256

// appendQuoted escapes everything but printable ASCII, so that no line break, terminal control or bidirectional override reaches
// whoever reads the log.
func appendQuoted(b []byte, s string) []byte {
	if len(s) > maxValue {
		s = s[:maxValue]
	}
	const digits = "0123456789abcdef"
	unit := func(b []byte, u rune) []byte {
		return append(b, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
	}
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' && c != '"' && c != '\\' {
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r > 0xffff {
			b = unit(b, 0xd800+(r-0x10000)>>10)
			r = 0xdc00 + (r-0x10000)&0x3ff
		}
		b = unit(b, r)
	}
	return b
}
