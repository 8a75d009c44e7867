package credential_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/watchword-io/watchword/internal/credential"
)

// cheap keeps tests fast; the costs change nothing in what is tested.
func cheap() credential.Params { return credential.Params{Memory: 64, Time: 1, Threads: 1} }

func TestHashAndVerify(t *testing.T) {
	bcrypted, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		hash, password string
		ok, rehash     bool
	}{
		"right":                      {credential.Hash([]byte("correct horse"), cheap()), "correct horse", true, false},
		"wrong":                      {credential.Hash([]byte("correct horse"), cheap()), "battery staple", false, false},
		"empty":                      {credential.Hash([]byte("correct horse"), cheap()), "", false, false},
		"right, other costs":         {credential.Hash([]byte("correct horse"), credential.Params{Memory: 32, Time: 2, Threads: 1}), "correct horse", true, true},
		"imported bcrypt, right":     {string(bcrypted), "correct horse", true, true},
		"imported bcrypt, wrong":     {string(bcrypted), "battery staple", false, false},
		"imported bcrypt, over-long": {string(bcrypted), "correct horse" + strings.Repeat("x", 100), false, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			ok, rehash, err := credential.Verify(tc.hash, []byte(tc.password), cheap())
			if err != nil || ok != tc.ok || rehash != tc.rehash {
				t.Errorf("Verify = %v, %v, %v, want %v, %v", ok, rehash, err, tc.ok, tc.rehash)
			}
		})
	}
	if first, second := credential.Hash([]byte("x"), cheap()), credential.Hash([]byte("x"), cheap()); first == second {
		t.Error("two hashes of one password are equal, want a fresh salt each time")
	}
}

func TestVerifyRefusesHashes(t *testing.T) {
	good := credential.Hash([]byte("x"), cheap())
	costly, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"empty":             "",
		"plain text":        "hunter2",
		"argon2i":           strings.Replace(good, "argon2id", "argon2i", 1),
		"other version":     strings.Replace(good, "v=19", "v=16", 1),
		"too much memory":   strings.Replace(good, "m=64", "m=1073741824", 1),
		"memory overflow":   strings.Replace(good, "m=64", "m=99999999999", 1),
		"no memory":         strings.Replace(good, "m=64", "m=0", 1),
		"too many passes":   strings.Replace(good, "t=1", "t=1000000", 1),
		"no pass":           strings.Replace(good, "t=1", "t=0", 1),
		"too many threads":  strings.Replace(good, "p=1", "p=255", 1),
		"no thread":         strings.Replace(good, "p=1", "p=0", 1),
		"salt not base64":   strings.Replace(good, "p=1$", "p=1$!", 1),
		"key cut off":       good[:len(good)-30],
		"one field more":    good + "$x",
		"bcrypt, too dear":  strings.Replace(string(costly), "$04$", "$31$", 1),
		"bcrypt, cut off":   string(costly)[:20],
		"negative memory":   strings.Replace(good, "m=64", "m=-64", 1),
		"params in letters": strings.Replace(good, "m=64", "m=many", 1),
	}
	for name, hash := range tests {
		t.Run(name, func(t *testing.T) {
			ok, _, err := credential.Verify(hash, []byte("x"), cheap())
			if ok || !errors.Is(err, credential.ErrHash) {
				t.Errorf("Verify = %v, %v, want ErrHash", ok, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q quotes what is stored", err)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(credential.Hash([]byte("x"), cheap()))
	f.Add("$2a$04$xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	f.Add("$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, phc string) {
		if strings.Contains(phc, "m=") && len(phc) > 0 && !strings.Contains(phc, "m=64,t=1,p=1") {
			return // costs are bounded, but a fuzzer should spend its time on parsing
		}
		if ok, _, _ := credential.Verify(phc, []byte("no such password"), cheap()); ok {
			t.Errorf("Verify(%q) = true for a password nobody hashed", phc)
		}
	})
}

func TestGenerated(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		p, s := credential.NewPassword(), credential.NewClientSecret()
		if len(p) != 24 || strings.Count(p, "-") != 4 || strings.ContainsAny(p, "0o1li") {
			t.Fatalf("NewPassword made %d characters with %d dashes, want 5 groups of 4 without 0 o 1 l i", len(p), strings.Count(p, "-"))
		}
		if len(s) != 43 {
			t.Fatalf("NewClientSecret made %d characters, want 43 (256 bits)", len(s))
		}
		if seen[p] || seen[s] {
			t.Fatal("the same secret came twice")
		}
		seen[p], seen[s] = true, true
	}
}
