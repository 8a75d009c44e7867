package memory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/store/memory"
	"github.com/watchword-io/watchword/internal/store/storetest"
)

func TestContract(t *testing.T) {
	m := &memory.Store{Now: time.Now}
	replica := storetest.Replica{Sessions: m.Sessions(), Once: m.Once(), Devices: m.Devices()}
	storetest.Run(t, storetest.Subject{Replicas: []storetest.Replica{replica, replica, replica}, Realm: "acme", Rounds: 1000})
}

func TestForgetsWhatWasUsedLongAgo(t *testing.T) {
	now := time.Now()
	m := &memory.Store{Now: func() time.Time { return now }}
	use := func(i int) error {
		return m.Once().Use(t.Context(), "acme", store.OncePAR, fmt.Sprint(i), now.Add(time.Minute))
	}
	if err := use(0); err != nil {
		t.Fatal(err)
	}
	now = now.Add(store.OnceMargin)
	for i := range 5000 {
		if err := use(i + 1); err != nil {
			t.Fatalf("use value %d: %v", i+1, err)
		}
	}
	if err := use(0); err == nil {
		t.Error("a value is forgotten before its time and margin are over")
	}
	now = now.Add(time.Minute + time.Second)
	for i := range 5000 {
		if err := use(i + 10000); err != nil {
			t.Fatalf("use value %d: %v", i, err)
		}
	}
	if err := use(0); err != nil {
		t.Errorf("a value whose time and margin are over: %v, want it forgotten", err)
	}
}
