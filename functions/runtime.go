package functions

import (
	"crypto/sha256"
	"encoding/hex"
	"runtime"
	"strings"

	"anthill/fault"
)

// identifiers are the runtimes that AWS takes today, in the order in which its errors list them.
const identifiers = "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"

// retired are those that it took once.
const retired = "java8, go1.x, provided, nodejs, nodejs4.3, nodejs4.3-edge, nodejs6.10, nodejs8.10, nodejs10.x, nodejs12.x, nodejs14.x, python2.7, python3.6, python3.7, dotnetcore1.0, dotnetcore2.0, dotnetcore2.1, dotnetcore3.1, dotnet5.0, ruby2.5, ruby2.7"

func listed(list, id string) bool {
	for w := range strings.SplitSeq(list, ", ") {
		if w == id {
			return true
		}
	}
	return false
}

// runsOn finds out what runs set's runtime here, and says it: the tail of the RuntimeVersionArn that every answer about
// the function carries. It is a digest, as AWS's are, when the machine has what was asked for.
func (s *Service) runsOn(op string, set *Settings) (string, error) {
	id := set.Runtime
	switch {
	case listed(retired, id):
		return "", invalid(op, "The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", id)
	case !listed(identifiers, id):
		return "", invalid(op, "Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", id, identifiers)
	}
	in := Interpreter{Exact: true}
	if s.c.Runtime != nil {
		var err error
		if in, err = s.c.Runtime(id); err != nil {
			return "", invalid(op, "The runtime %s cannot run on this machine: %s", id, sentence(err))
		}
	}
	said := ""
	if !in.Exact {
		said = "-runs-on-" + in.Version
	}
	if set.Architecture != s.c.Architecture {
		said += "-" + s.c.Architecture
	}
	if said != "" && s.c.StrictRuntimes {
		remedy := ""
		if !in.Exact && in.Remedy != "" {
			remedy = ": " + in.Remedy
		}
		return "", invalid(op, "The runtime %s for %s is not on this machine, which would run it as %s%s, and strict runtimes were asked for%s.", id, set.Architecture, id, said, remedy)
	}
	if said == "" {
		sum := sha256.Sum256([]byte(id + in.Version))
		return hex.EncodeToString(sum[:]), nil
	}
	return id + said, nil
}

func sentence(err error) string {
	if f := fault.Of(err); f.Detail != "" {
		return f.Detail
	}
	return err.Error()
}

// machineArchitecture is this machine's in Lambda's words.
func machineArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// SetRuntimeUpdate notes when the runtime of r's version is to be updated.
func (s *Service) SetRuntimeUpdate(r Ref, u RuntimeUpdate) (*Description, error) {
	const op = "functions.SetRuntimeUpdate"
	d, err := s.describe(op, r)
	if err != nil {
		return nil, err
	}
	_, err = s.edit(op, r, func(e *edit) error {
		put(&e.RuntimeUpdates, d.Version.Number, u)
		return nil
	})
	return d, err
}
