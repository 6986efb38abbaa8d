package functions

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	snapNone      = "None"
	snapPublished = "PublishedVersions"

	// maxVariables is how long the variables may be as JSON, in bytes (AWS: Lambda quotas, "Environment variables").
	maxVariables = 4096
	maxTags      = 50
	maxTagKey    = 128   // characters
	maxTagValue  = 256   // characters
	maxTimeout   = 900   // seconds
	maxMemory    = 10240 // MB
	maxLayers    = 5
)

// reserved are the variables that Lambda sets and users may not (developer guide, "Defined runtime environment
// variables").
const reserved = "_HANDLER, _X_AMZN_TRACE_ID, AWS_DEFAULT_REGION, AWS_REGION, AWS_EXECUTION_ENV, AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_MEMORY_SIZE, AWS_LAMBDA_FUNCTION_VERSION, AWS_LAMBDA_INITIALIZATION_TYPE, AWS_LAMBDA_LOG_GROUP_NAME, AWS_LAMBDA_LOG_STREAM_NAME, AWS_ACCESS_KEY, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, LAMBDA_RUNTIME_DIR"

// checkEnvironment refuses variables that Lambda sets itself, and too many of them.
func checkEnvironment(op string, env *Environment) error {
	if env == nil {
		return nil
	}
	var taken []string
	for _, name := range slices.Sorted(maps.Keys(env.Variables)) {
		if listed(reserved, name) {
			taken = append(taken, name)
		}
		if name == "" || !variableName(name) {
			return broken(op, "{"+name+"="+env.Variables[name]+"}", "environment.variables",
				"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
	}
	if taken != nil {
		return invalid(op, "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(taken, ", "))
	}
	measured := compactJSON(env.Variables)
	if len(measured) > maxVariables {
		return invalid(op, "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %s", measured)
	}
	return nil
}

// variableName follows the API reference, Environment: [a-zA-Z]([a-zA-Z0-9_])+.
func variableName(s string) bool {
	if listed(reserved, s) {
		return true // refused with a better message
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(s) >= 2
}

// compactJSON prints v without spaces and without escaping what need not be.
func compactJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // only called with maps of strings
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// checkTags refuses too many, too long ones, and those that are AWS's own (Lambda developer guide, "Using tags on Lambda
// functions"). Of the last three the words are ours.
func checkTags(op string, tags map[string]string) error {
	for k, v := range tags {
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey:
			return invalid(op, "A tag's key must have 1 to %d characters.", maxTagKey)
		case utf8.RuneCountInString(v) > maxTagValue:
			return invalid(op, "The value of the tag %s must have at most %d characters.", k, maxTagValue)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid(op, "Keys of tags cannot begin with aws:, which is reserved for AWS use.")
		}
	}
	if len(tags) > maxTags {
		return invalid(op, "Number of tags exceeds resource tag limit.")
	}
	return nil
}

// checkSettings refuses what the rules of Lambda or this platform forbid, and fills in what was left open. what is
// already checked against the model: ranges and patterns.
func (s *Service) checkSettings(op string, k Key, set *Settings) error {
	switch set.PackageType {
	case "Image":
		if s.c.Images == nil {
			return unsupported(op, "PackageType Image")
		}
		if set.Runtime != "" || set.Handler != "" || len(set.Layers) > 0 {
			return invalid(op, "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
		}
		if set.SnapStart == snapPublished {
			return invalid(op, "SnapStart is not supported for functions with PackageType Image.")
		}
	case "Zip":
		if set.Runtime == "" || set.Handler == "" {
			return invalid(op, "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
		}
		if set.Image != nil {
			return invalid(op, "ImageConfig parameter is not supported for functions created with deployment packages")
		}
	}
	switch {
	case set.Timeout > maxTimeout:
		return broken(op, strconv.Itoa(set.Timeout), "timeout", "Member must have value less than or equal to 900")
	case set.MemoryMB > maxMemory:
		return broken(op, strconv.Itoa(set.MemoryMB), "memorySize", "Member must have value less than or equal to 10240")
	}
	if err := s.checkSnapStart(op, set); err != nil {
		return err
	}
	if err := checkEnvironment(op, set.Environment); err != nil {
		return err
	}
	if set.DeadLetter != "" && !s.takesDeadLetters(set.DeadLetter) {
		return unsupported(op, "DeadLetterConfig with target "+set.DeadLetter)
	}
	if err := checkLogging(op, k, &set.Logging); err != nil {
		return err
	}
	if set.PackageType == "Image" {
		return nil
	}
	var err error
	set.RunsOn, err = s.runsOn(op, set)
	return err
}

// checkLogging fills in the defaults of advanced logging (developer guide, "Configuring advanced logging controls").
func checkLogging(op string, k Key, l *Logging) error {
	if l.Format == "" {
		l.Format = "Text"
	}
	if l.Group == "" {
		l.Group = "/aws/lambda/" + k.Name
	}
	if l.Format == "Text" {
		if l.ApplicationLevel != "" || l.SystemLevel != "" {
			return invalid(op, "To configure log levels, LogFormat must be set to JSON.")
		}
		return nil
	}
	if l.ApplicationLevel == "" {
		l.ApplicationLevel = "INFO"
	}
	if l.SystemLevel == "" {
		l.SystemLevel = "INFO"
	}
	return nil
}
