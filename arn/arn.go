package arn

import (
	"fmt"
	"strings"
)

// Partition is the only AWS partition this platform plays.
const Partition = "aws"

// ARN is one Amazon Resource Name, taken apart at its first five colons.
type ARN struct {
	Partition string
	Service   string
	Region    string
	Account   string
	Resource  string // everything after the fifth colon: "function:hello:1", "role/LabRole"
}

// New builds a name in the standard partition.
func New(service, region, account, resource string) ARN {
	return ARN{Partition: Partition, Service: service, Region: region, Account: account, Resource: resource}
}

// Parse takes s apart. It fails when s does not begin with "arn:" or has fewer than six parts, or no partition,
// service or resource.
func Parse(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, fmt.Errorf("not an ARN: %q", s)
	}
	a := ARN{parts[1], parts[2], parts[3], parts[4], parts[5]}
	if a.Partition == "" || a.Service == "" || a.Resource == "" {
		return ARN{}, fmt.Errorf("an ARN with an empty part: %q", s)
	}
	return a, nil
}

// Is reports whether s begins as an ARN does.
func Is(s string) bool { return strings.HasPrefix(s, "arn:") }

// String prints the name in its usual form.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Split cuts the resource part at its colons: "function:hello:1" gives ["function" "hello" "1"].
func (a ARN) Split() []string { return strings.Split(a.Resource, ":") }
