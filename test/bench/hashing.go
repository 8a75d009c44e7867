package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/credential"
)

// hashMode makes this program the ceiling of password logins: one core that does nothing but hash.
const hashMode = "hash"

// printHashes DURATION prints how many passwords a second one thread hashes with the parameters that are in force.
func printHashes(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: bench %s DURATION", hashMode)
	}
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	hashes, start := 0, time.Now()
	for ; time.Since(start) < d; hashes++ {
		_ = credential.Hash([]byte(password), credential.DefaultParams())
	}
	fmt.Println(float64(hashes) / time.Since(start).Seconds())
	return nil
}

// hashesPerSecond measures the ceiling on the server's core.
func hashesPerSecond(ctx context.Context, d time.Duration) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	var out strings.Builder
	cmd := exec.CommandContext(ctx, self, hashMode, d.String())
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := on([]int{serverCore()}, cmd.Start); err != nil {
		return 0, err
	}
	if err := cmd.Wait(); err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
}
