package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// remoteServices are the services that tasks of workflows may call at endpoints of others: botocore's directories.
func remoteServices() []string {
	return []string{
		"athena/2017-05-18", "batch/2016-08-10", "bedrock/2023-04-20", "bedrock-runtime/2023-09-30", "cloudformation/2010-05-15", "cloudwatch/2010-08-01",
		"codebuild/2016-10-06", "cognito-idp/2016-04-18", "comprehend/2017-11-27", "databrew/2017-07-25", "dynamodb/2012-08-10", "dynamodbstreams/2012-08-10",
		"ecr/2015-09-21", "ecs/2014-11-13", "eks/2017-11-01", "emr/2009-03-31", "emr-containers/2020-10-01", "emr-serverless/2021-07-13", "events/2015-10-07",
		"firehose/2015-08-04", "glue/2017-03-31", "iam/2010-05-08", "kinesis/2013-12-02", "kms/2014-11-01", "lambda/2015-03-31", "logs/2014-03-28",
		"mediaconvert/2017-08-29", "pipes/2015-10-07", "polly/2016-06-10", "rds-data/2018-08-01", "redshift-data/2019-12-20", "rekognition/2016-06-27",
		"s3/2006-03-01", "sagemaker/2017-07-24", "scheduler/2021-06-30", "secretsmanager/2017-10-17", "ses/2010-12-01", "sesv2/2019-09-27", "sns/2010-03-31",
		"sqs/2012-11-05", "ssm/2014-11-06", "stepfunctions/2016-11-23", "sts/2011-06-15", "textract/2018-06-27", "transcribe/2017-10-26", "translate/2017-07-01",
	}
}

// writeRemote writes the models of remoteServices without anything that a caller does not need: one file a service, named
// as resources of Task states name it.
func writeRemote(from, to string) error {
	files := map[string][]byte{}
	for _, dir := range remoteServices() {
		m, err := readGzipModel(filepath.Join(from, dir, "service-2.json.gz"))
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		if m.Metadata.Protocol == "smithy-rpc-v2-cbor" {
			m.Metadata.Protocol = "json" // the next of its protocols
		}
		used := map[string]*shape{}
		for _, op := range m.Operations {
			for _, r := range append([]ref{}, op.Errors...) {
				keep(m, used, r.Shape)
			}
			if op.Input != nil {
				keep(m, used, op.Input.Shape)
			}
			if op.Output != nil {
				keep(m, used, op.Output.Shape)
			}
		}
		m.Shapes = used
		name := nameInTasks(m.Metadata.ServiceID)
		if files[name], err = json.Marshal(m); err != nil {
			return err
		}
	}
	return writeZip(to, files)
}

// keep keeps a shape and all that it is made of.
func keep(m *model, used map[string]*shape, name string) {
	if used[name] != nil {
		return
	}
	s := *m.Shapes[name]
	s.Pattern, s.Enum, s.Min, s.Max = "", nil, nil, nil
	used[name] = &s
	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			keep(m, used, r.Shape)
		}
	}
	for _, f := range s.Members {
		keep(m, used, f.Shape)
	}
}
