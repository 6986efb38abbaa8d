package store_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Every goroutine that a test's rooms began has ended with them.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
