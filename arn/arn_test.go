package arn_test

import (
	"testing"

	"anthill/arn"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want arn.ARN
		ok   bool
	}{
		{"arn:aws:lambda:us-east-1:000000000000:function:hello:1", arn.New("lambda", "us-east-1", "000000000000", "function:hello:1"), true},
		{"arn:aws:iam::000000000000:role/LabRole", arn.New("iam", "", "000000000000", "role/LabRole"), true},
		{"arn:aws:states:::lambda:invoke", arn.New("states", "", "", "lambda:invoke"), true},
		{"arn:aws:lambda:us-east-1", arn.ARN{}, false},
		{"arn:::::", arn.ARN{}, false},
		{"hello", arn.ARN{}, false},
	} {
		got, err := arn.Parse(tc.in)
		if (err == nil) != tc.ok || got != tc.want {
			t.Errorf("Parse(%q) = %+v, %v; want %+v, ok %v", tc.in, got, err, tc.want, tc.ok)
		}
		if tc.ok && got.String() != tc.in {
			t.Errorf("String() = %q, want %q", got.String(), tc.in)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arn:aws:lambda:us-east-1:000000000000:function:hello")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := arn.Parse(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Errorf("%q prints as %q", s, a)
		}
	})
}
