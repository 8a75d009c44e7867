package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

var _ = Describe("Rotation of keys", func() {
	// Realm spin has a new key every five seconds. Tokens are shown to kube-apiserver for the first time at any age up to six of
	// their ten seconds, because it remembers those it has accepted.
	It("is not noticed by anybody: for a minute under load, kube-apiserver refuses no token", func(ctx context.Context) {
		const (
			during  = time.Minute
			rate    = 40 // tokens per second
			longest = 6 * time.Second
		)
		password := clientSecret(ctx, spin, "pipeline")
		for _, r := range replicas {
			r.applicationToken(ctx, spin, "pipeline")
		}
		var seen rotation
		var running sync.WaitGroup
		ticker := time.NewTicker(time.Second / rate)
		defer ticker.Stop()
		for i, start := 0, time.Now(); time.Since(start) < during; i++ {
			<-ticker.C
			running.Go(func() {
				got, err := replicas[i%len(replicas)].application(ctx, spin, "pipeline", password)
				if err == nil && got.status != http.StatusOK {
					err = fmt.Errorf("replica %s answers %d: %s", replicas[i%len(replicas)].Listen, got.status, got.body)
				}
				token, age := got.text("access_token"), rand.N(longest)
				if err == nil {
					time.Sleep(age)
					_, err = whoami(ctx, token)
				}
				seen.add(token, age, err)
			})
		}
		running.Wait()
		Expect(seen.failures).To(BeEmpty(), "of %d tokens, %d", seen.tokens, len(seen.failures))
		Expect(seen.tokens).To(BeNumerically(">", int(during.Seconds())*rate/2), "the load was too light to say much")
		Expect(len(seen.keys)).To(BeNumerically(">=", 8), "the keys did not rotate every few seconds")
	})
})

// rotation is what became of the tokens. It is safe for concurrent use while they are added.
type rotation struct {
	mu       sync.Mutex
	tokens   int
	keys     map[string]bool
	failures []string
}

func (r *rotation) add(token string, age time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens++
	if r.keys == nil {
		r.keys = map[string]bool{}
	}
	if err != nil {
		r.failures = append(r.failures, fmt.Sprintf("key %s, shown after %s: %v", keyID(token), age.Round(time.Millisecond), err))
		return
	}
	r.keys[keyID(token)] = true
}

// keyID is the kid in a token's header, or empty.
func keyID(token string) string {
	header, _, _ := strings.Cut(token, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return ""
	}
	var fields struct {
		KeyID string `json:"kid"`
	}
	_ = json.Unmarshal(decoded, &fields)
	return fields.KeyID
}
