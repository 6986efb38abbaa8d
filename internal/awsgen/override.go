package main

import (
	"fmt"
	"strings"
)

// override changes m where AWS's servers, as recorded, differ from the model that AWS publishes: texts of patterns, the
// order in which the values of an enum are listed in an error, the order of members in one.
func override(pkg string, m *model) error {
	for _, o := range overrides() {
		if o.pkg != pkg {
			continue
		}
		s := m.Shapes[o.shape]
		if s == nil {
			return fmt.Errorf("an override names the shape %s, which the model does not have", o.shape)
		}
		o.change(s)
	}
	if pkg == "lambda" {
		for _, s := range m.Shapes {
			s.Pattern = europe(s.Pattern)
		}
	}
	return nil
}

// europe lets Lambda's patterns of region names begin with "eusc-", as the servers' do.
func europe(pattern string) string {
	const region = `[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}`
	return strings.ReplaceAll(pattern, region, "(eusc-)?"+region)
}

type change struct {
	pkg, shape string
	change     func(*shape)
}

func enum(values string) func(*shape) {
	return func(s *shape) { s.Enum = strings.Split(values, ", ") }
}

func overrides() []change {
	return []change{
		{"apigateway", "EndpointType", enum("PRIVATE, EDGE, REGIONAL")},
		{"apigateway", "Op", enum("add, remove, move, test, replace, copy")},
		{"lambda", "RecursiveLoop", enum("Terminate, Allow")},
		{"lambda", "Runtime", enum("ruby3.5, ruby2.6, dotnetcore1.0, python3.7, nodejs8.10, nasa, ruby2.7, python2.7-greengrass, " +
			"dotnetcore2.0, python3.8, java21, dotnet6, dotnetcore2.1, python3.9, java11, nodejs6.10, provided, dotnetcore3.1, dotnet8, " +
			"java25, java17, nodejs, nodejs4.3, java8.al2, go1.x, dotnet10, nodejs20.x, go1.9, byol, nodejs10.x, provided.al2023, " +
			"nodejs22.x, python3.10, java8, nodejs12.x, python3.11, nodejs24.x, nodejs8.x, python3.12, nodejs14.x, nodejs8.9, " +
			"nodejs26.x, python3.13, python3.14, nodejs16.x, python3.15, provided.al2, nodejs4.3-edge, nodejs18.x, ruby3.2, " +
			"python3.4, ruby3.3, ruby3.4, ruby2.5, python3.6, python2.7")},
		{"lambda", "SecurityGroupId", func(s *shape) {
			low, high := 0.0, 1024.0
			s.Min, s.Max, s.Pattern = &low, &high, "sg-[0-9a-zA-Z]*"
		}},
		{"lambda", "TaggableResource", func(s *shape) {
			s.Pattern = strings.Replace(s.Pattern, "))?|code-signing", "))?|layer:([a-zA-Z0-9-_]+)|code-signing", 1)
		}},
		{"lambda", "LayerVersionArn", func(s *shape) {
			s.Pattern = `(arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|` +
				`(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
		}},
		{"logs", "MetricTransformation", func(s *shape) { // the order in which an error prints them
			last := len(s.Members) - 1
			s.Members[last-1], s.Members[last] = s.Members[last], s.Members[last-1]
		}},
	}
}
