package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/audit"
)

var at = time.Date(2026, 11, 23, 12, 0, 0, 5e6, time.FixedZone("CET", 3600))

func TestRecord(t *testing.T) {
	for name, tc := range map[string]struct {
		record audit.Record
		want   map[string]any
	}{
		"full": {
			audit.Record{
				Time: at, RequestID: "r-1", Realm: "acme", Action: "token.issue", Grant: "password", Actor: "alice", Client: "kubernetes",
				Source: "192.0.2.1", Result: audit.Success, Audience: "kubernetes", KeyID: "kid", TokenID: "jti",
			},
			map[string]any{
				"request_id": "r-1", "realm": "acme", "action": "token.issue", "grant": "password", "actor": "alice", "client": "kubernetes",
				"source": "192.0.2.1", "result": "success", "audience": "kubernetes", "kid": "kid", "jti": "jti",
			},
		},
		"empty fields are left out": {audit.Record{Time: at, Result: audit.Failure, Reason: "x"}, map[string]any{"result": "failure", "reason": "x"}},
		"hostile text comes back whole": {
			audit.Record{Time: at, Client: "a\r\n{\"b\":\"\\\x1b[31m\u202eöä😀\x7f\u2028"},
			map[string]any{"client": "a\r\n{\"b\":\"\\\x1b[31m\u202eöä😀\x7f\u2028"},
		},
		"invalid UTF-8":  {audit.Record{Time: at, Client: "a\xffb"}, map[string]any{"client": "a\ufffdb"}},
		"long text, cut": {audit.Record{Time: at, Client: strings.Repeat("x", 10000)}, map[string]any{"client": strings.Repeat("x", 256)}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := audit.New(&out)
			log.Write(&tc.record)
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
				t.Errorf("%d lines; want 1: %q", n, out.String())
			}
			for _, c := range out.Bytes()[:out.Len()-1] {
				if c < ' ' || c > '~' {
					t.Fatalf("byte %#x in the log: %q", c, out.String())
				}
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			tc.want["audit"], tc.want["time"] = "watchword", "2026-11-23T11:00:00.005Z"
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

// safeBuffer counts the system calls there would be.
type safeBuffer struct {
	mu     sync.Mutex
	out    bytes.Buffer
	writes int
	err    error
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	if b.err != nil {
		return 0, b.err
	}
	return b.out.Write(p)
}

func (b *safeBuffer) state() (lines, writes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Count(b.out.Bytes(), []byte("\n")), b.writes
}

func TestRecordsAreCollectedAndNoneIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out safeBuffer
		log := audit.New(&out)
		var writers sync.WaitGroup
		for i := range 8 {
			writers.Go(func() {
				for j := range 250 {
					log.Write(&audit.Record{Time: at, Client: fmt.Sprintf("%d-%d", i, j)})
				}
			})
		}
		writers.Wait()
		time.Sleep(time.Second)
		lines, writes := out.state()
		if lines != 2000 {
			t.Errorf("%d lines a second later; want 2000", lines)
		}
		if writes > 20 {
			t.Errorf("%d writes for 2000 records; want them collected", writes)
		}
		log.Write(&audit.Record{Time: at})
		if lines, _ := out.state(); lines != 2000 {
			t.Error("a record is written at once; want it to wait for others")
		}
		time.Sleep(time.Second)
		if lines, _ := out.state(); lines != 2001 {
			t.Error("a lonely record is not written within a second")
		}
	})
}

func TestWriterTroubleIsReported(t *testing.T) {
	out := &safeBuffer{err: errors.New("no space left on device")}
	log := audit.New(out)
	log.Write(&audit.Record{Time: at})
	if err := log.Close(); err == nil {
		t.Error("Close = nil; want the writer's error")
	}
}
