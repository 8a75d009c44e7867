package passwords_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/internal/server/passwords"
)

// accounts answer at once: somebody and the locked have a password, the disabled one and the others have none that counts.
type accounts struct {
	record credential.Record
	locked *v1alpha1.FailedLogins
}

func (a accounts) Credential(_ context.Context, _, user string, uid types.UID) (credential.Record, error) {
	if user[:4] == "virg" || user[:4] == "unkn" {
		return credential.Record{}, directory.ErrNoCredential
	}
	record := a.record
	record.Subject = string(uid)
	return record, nil
}

func (a accounts) Failures(_ context.Context, _, user string, _ types.UID) (directory.Failures, error) {
	f := directory.Failures{Version: "1"}
	if user[:4] == "lock" {
		f.Elsewhere = a.locked
	}
	return f, nil
}

func (accounts) SaveCredential(context.Context, string, string, credential.Record) error { return nil }
func (accounts) SaveFailures(context.Context, string, string, directory.Failures) error  { return nil }

// BenchmarkNamesByTime measures whether time tells whose password was wrong (security bar 6.6): wrong passwords for somebody, nobody,
// a disabled person, one without a password and one who is locked, in turn, each compared with nobody's.
//
//	go test ./internal/server/passwords -run xxx -bench NamesByTime -benchtime 2000x
//
// The difference of the medians is to be below 2 % of the time, and p of the two-sample Kolmogorov-Smirnov test above 0.01. It is no test,
// because a busy machine fails it.
func BenchmarkNamesByTime(b *testing.B) {
	const each = 8 // names of a kind, so that nobody's turn is waited for
	kinds := []string{"nobody", "somebody", "disabled", "virgin", "locked"}
	never, now := int32(0), time.Now()
	realm := &v1alpha1.Realm{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme", UID: "r"}}
	realm.Spec.Issuer = "https://id.example.com/realms/acme"
	realm.Spec.Signing.RotationPeriod = metav1.Duration{Duration: time.Hour}
	realm.Spec.Password.Lockout = v1alpha1.PasswordLockout{SourceAttempts: &never}
	objects := []directory.Object{realm}
	for _, kind := range kinds[1:] {
		for i := range each {
			name := fmt.Sprintf("%s-%d", kind, i)
			objects = append(objects, &v1alpha1.User{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name)},
				Spec:       v1alpha1.UserSpec{Email: name + "@example.com", Username: name, Disabled: kind == "disabled"},
			})
		}
	}
	d := directory.New(directory.Config{Namespaces: []string{"acme"}, Log: logr.Discard()})
	if err := d.Load(objects...); err != nil {
		b.Fatal(err)
	}
	pool := hasher.New(hasher.Config{Workers: 1, Queue: 4, Params: credential.DefaultParams()})
	defer pool.Close()
	until := metav1.NewTime(now.Add(15 * time.Minute))
	v := passwords.New(passwords.Config{
		Accounts: accounts{
			credential.Record{Hash: credential.Hash([]byte("right"), credential.DefaultParams())},
			&v1alpha1.FailedLogins{Count: 5, Since: metav1.NewTime(now), LockedUntil: &until},
		},
		Hasher: pool, Log: logr.Discard(), Now: func() time.Time { return now },
	})
	defer v.Wait()
	took := map[string][]float64{}
	for i := 0; b.Loop(); i++ {
		for _, kind := range kinds {
			began := time.Now()
			_, err := v.Verify(b.Context(), passwords.Attempt{
				Realm: d.Snapshot().Realms[0], Login: fmt.Sprintf("%s-%d", kind, i%each), Password: "wrong", Source: "192.0.2.1",
			})
			if err == nil {
				b.Fatalf("%s signed in with a wrong password", kind)
			}
			took[kind] = append(took[kind], time.Since(began).Seconds())
		}
	}
	for _, kind := range kinds {
		slices.Sort(took[kind])
	}
	nobody := took[kinds[0]]
	for _, kind := range kinds[1:] {
		b.ReportMetric(100*math.Abs(median(took[kind])-median(nobody))/median(nobody), kind+"-median-%")
		b.ReportMetric(kolmogorovSmirnov(took[kind], nobody), kind+"-ks-p")
	}
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// kolmogorovSmirnov is how likely two sorted samples of one size are of one distribution.
func kolmogorovSmirnov(a, b []float64) float64 {
	distance, i, j, n := 0.0, 0, 0, float64(len(a))
	for i < len(a) && j < len(b) {
		if a[i] <= b[j] {
			i++
		} else {
			j++
		}
		distance = max(distance, math.Abs(float64(i)-float64(j))/n)
	}
	root := math.Sqrt(n / 2)
	lambda, p := (root+0.12+0.11/root)*distance, 0.0
	for k := 1.0; k <= 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*lambda*lambda)
	}
	return min(max(p, 0), 1)
}
