package functions_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"anthill/fault"
	"anthill/functions"
	"anthill/sandbox/sandboxtest"
)

// A policy is as long as AWS lets it be.
func TestLongPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, functions.Config{}, map[string]sandboxtest.Func{"app.h": echo})
		h.function("hello", "app.h")
		var err error
		for i := 0; err == nil && i < 100; i++ {
			_, err = h.AddPermission(ref("hello", ""), functions.Permission{Sid: fmt.Sprint(i), Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com",
				SourceARN: "arn:aws:s3:::" + strings.Repeat("b", 800)})
		}
		wantFault(t, err, fault.Invalid, "is bigger than the limit (20480).")
		p, err := h.GetPolicy(ref("hello", ""))
		if n := len(p.Document()); err != nil || n > 20480 || n < 19000 {
			t.Errorf("the policy has %d bytes, %v", n, err)
		}
	})
}
