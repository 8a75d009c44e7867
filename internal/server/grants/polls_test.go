package grants

import (
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// More devices than any realm can have pending do not fill the memory, each of them is answered, and one that asks all the time is not
// forgotten among them.
func TestPollsAreBounded(t *testing.T) {
	var p polls
	p.allow("hasty", noon)
	for i := range 3 * maxPolls {
		if !p.allow(fmt.Sprint(i), noon) {
			t.Fatalf("device %d may not ask for the first time", i)
		}
		if i%100 == 0 && p.allow("hasty", noon) {
			t.Fatalf("after %d devices, one that asks too soon was forgotten", i+1)
		}
	}
	if n := len(p.recent) + len(p.former); n > maxPolls {
		t.Errorf("%d devices are remembered; want at most %d", n, maxPolls)
	}
}
