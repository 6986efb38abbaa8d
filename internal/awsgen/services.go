package main

// service is one door: its package under api, and where botocore keeps its model.
type service struct {
	Package string // also the file name under models
	Source  string // directory under botocore's data
}

// services is every door that is generated.
func services() []service {
	return []service{
		{"apigateway", "apigateway/2015-07-09"},
		{"ecr", "ecr/2015-09-21"},
		{"events", "events/2015-10-07"},
		{"iam", "iam/2010-05-08"},
		{"lambda", "lambda/2015-03-31"},
		{"logs", "logs/2014-03-28"},
		{"sfn", "stepfunctions/2016-11-23"},
		{"sts", "sts/2011-06-15"},
	}
}
