package protocol_test

import (
	"testing"

	"anthill/api/apigateway"
	"anthill/api/ecr"
	"anthill/api/iam"
	"anthill/api/lambda"
	"anthill/api/logs"
	"anthill/api/protocol"
	"anthill/api/sfn"
	"anthill/api/sts"
)

func TestEveryPatternCompiles(t *testing.T) {
	n := 0
	for _, s := range []*protocol.Service{apigateway.Operations{}.Service(), ecr.Operations{}.Service(), iam.Operations{}.Service(),
		lambda.Operations{}.Service(), logs.Operations{}.Service(), sfn.Operations{}.Service(), sts.Operations{}.Service()} {
		for _, shape := range s.Model.Shapes {
			if shape.Pattern == "" {
				continue
			}
			n++
			if err := protocol.Compile(shape.Pattern); err != nil {
				t.Errorf("%s %s: %v", s.Model.Name, shape.Name, err)
			}
		}
	}
	if n < 150 {
		t.Errorf("only %d patterns", n)
	}
}

// Patterns with lookaround are two patterns in Go. Java matches the whole text.
func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, "2024", false},
		{`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, "v2024", true},
		{`((?!^\d+$)^[0-9a-zA-Z-_]+$)`, "1", false},
		{`((?!^\d+$)^[0-9a-zA-Z-_]+$)`, "$LATEST", false},
		{`((?!^\d+$)^[0-9a-zA-Z-_]+$)`, "a1", true},
		{`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`, "system.users", false},
		{`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`, "systems", true},
		{`[0-9A-Za-z\.\-_]*(?<!\.)`, "bucket.", false},
		{`[0-9A-Za-z\.\-_]*(?<!\.)`, "my.bucket", true},
		{`^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, "123", false},
		{`^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$`, "123a", true},
		{`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`, "a--b", false},
		{`^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`, "a-b-c", true},
		{`[\u0020-\u00FF]+`, "é \u00ff", true},
		{`[\u0020-\u00FF]+`, "\u0100", false},
		{`\p{ASCII}*`, "Root=1-é", false},
		{`[\w+=,.@-]*`, "Session1:2", false},
		{`[\w+=,.@-]*`, "x@y-z\n", false},
	} {
		if got := protocol.Match(tc.pattern, tc.text); got != tc.want {
			t.Errorf("%q on %q: %t, want %t", tc.pattern, tc.text, got, tc.want)
		}
	}
}
