package directory_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
)

// TestMemoryPerUser guards the budget of 100 MB for 100,000 people. The collector lets a heap grow to twice its size, so records may
// take half of it; `make bench` measures the whole process.
func TestMemoryPerUser(t *testing.T) {
	const people = 20_000
	d := directory.New(directory.Config{Namespaces: []string{"acme"}, Log: logr.Discard()})
	before := heap()
	for i := range people {
		name := fmt.Sprintf("firstname.lastname-%06d", i)
		err := d.Apply(user(name, 1, func(u *v1alpha1.User) {
			u.UID = types.UID(fmt.Sprintf("b94240df-9ef2-4e60-a6b0-%012d", i))
			u.Spec.GivenName, u.Spec.FamilyName = fmt.Sprintf("Firstname%d", i), "Lastname"
			u.Spec.Groups = []string{fmt.Sprintf("department-%d", i%50), "researchers", "everybody"}
		}))
		if err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / people
	runtime.KeepAlive(d)
	if each > 500 {
		t.Errorf("a user takes %d bytes; the budget is 500", each)
	}
	t.Logf("a user takes %d bytes", each)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
