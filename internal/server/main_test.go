package server_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaves a goroutine behind: a server that ends must end whole.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
