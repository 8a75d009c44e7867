package controlplane_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/watchword-io/watchword/test/controlplane"
)

// TestKilledParentLeavesNothing starts a control plane in a second process of this test, and kills that process.
func TestKilledParentLeavesNothing(t *testing.T) {
	const variable = "CONTROLPLANE_TEST_DIR"
	if dir := os.Getenv(variable); dir != "" {
		start(t, controlplane.Options{Dir: dir})
		time.Sleep(time.Minute) // until it is killed
		return
	}
	t.Parallel()
	dir := t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run=^TestKilledParentLeavesNothing$")
	parent.Env = append(os.Environ(), variable+"="+dir)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the control plane to start", func() bool { return len(processesOf(t, dir)) == 2 })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "the control plane to end with its parent", func() bool { return len(processesOf(t, dir)) == 0 })
}
