package functions_test

import (
	"strings"
	"testing"

	"anthill/fault"
	"anthill/functions"
)

func TestParseRef(t *testing.T) {
	for _, c := range []struct{ name, qualifier, want string }{
		{"hello", "", "000000000000 us-east-1 hello "},
		{"hello", "prod", "000000000000 us-east-1 hello prod"},
		{"hello:prod", "", "000000000000 us-east-1 hello prod"},
		{"hello:prod", "prod", "000000000000 us-east-1 hello prod"},
		{"hello:$LATEST", "", "000000000000 us-east-1 hello $LATEST"},
		{"123456789012:function:hello", "", "123456789012 us-east-1 hello "},
		{"123456789012:hello:1", "", "123456789012 us-east-1 hello 1"},
		{"us-east-1:123456789012:function:hello", "", "123456789012 us-east-1 hello "},
		{"function:hello", "", "000000000000 us-east-1 hello "},
		{"arn:aws:lambda:us-east-1:123456789012:function:hello", "", "123456789012 us-east-1 hello "},
		{"arn:aws:lambda:us-east-1:123456789012:function:hello:7", "", "123456789012 us-east-1 hello 7"},
		{"arn:aws:lambda:us-east-1:123456789012:function", "", "123456789012 us-east-1 function "},
		{"arn:aws-cn:lambda:us-east-1:123456789012:function:hello", "", "123456789012 us-east-1 hello "},

		{"", "", "validation"},
		{"hello!", "", "validation"},
		{"hello:invalid!", "", "validation"},
		{"hello:$latest", "", "validation"},
		{"function:hello:$LATEST:extra", "", "validation"},
		{"invalid-account:function:hello", "", "validation"},
		{"arn:aws:lambda::123456789012:function:hello", "", "validation"},
		{"arn:aws:lambda:us-east-1::function:hello", "", "validation"},
		{"arn:aws:lambda:invalid-region:123456789012:function:hello", "", "validation"},
		{"arn:aws:s3:us-east-1:123456789012:function:hello", "", "validation"},
		{"hello:1", "2", "The derived qualifier from the function name does not match the specified qualifier."},
		{"arn:aws:lambda:eu-central-1:123456789012:function:hello", "", "Functions from 'eu-central-1' are not reachable in this region ('us-east-1')"},
	} {
		r, err := functions.ParseRef(account, region, c.name, c.qualifier)
		got := strings.Join([]string{r.Account, r.Region, r.Name, r.Qualifier}, " ")
		if err != nil {
			if got = fault.Of(err).Detail; fault.Of(err).Reason == functions.ReasonValidation {
				got = "validation"
			}
		}
		if got != c.want {
			t.Errorf("%q with %q: %s, want %s", c.name, c.qualifier, got, c.want)
		}
	}
}

// A reference that parses prints as an ARN that parses to the same.
func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"hello", "hello:1", "arn:aws:lambda:us-east-1:123456789012:function:hello:$LATEST", "us-gov-west-1:123456789012:x"} {
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, name, qualifier string) {
		r, err := functions.ParseRef(account, region, name, "")
		if err != nil {
			return
		}
		again, err := functions.ParseRef("999999999999", r.Region, r.ARN(), "")
		if err != nil || again != r {
			t.Errorf("%q is %+v, whose ARN is %+v (%v)", name, r, again, err)
		}
	})
}
