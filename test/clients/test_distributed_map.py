"""Distributed Maps over S3 as a person meets them: a CSV in a bucket, results in another place of it."""

import json
import time

ROLE = "arn:aws:iam::000000000000:role/LabRole"


def finish(sfn, arn):
    while (d := sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.05)
    return d


def test_a_csv_in_s3_is_mapped_and_its_results_are_written(platform):
    s3, sfn = platform.client("s3"), platform.client("stepfunctions")
    s3.create_bucket(Bucket="dataset")
    s3.put_object(Bucket="dataset", Key="in/ratings.csv", Body="user,stars\n" + "".join(f"{i},{i % 5}\n" for i in range(2000)))
    definition = {"QueryLanguage": "JSONata", "StartAt": "Each", "States": {"Each": {
        "Type": "Map", "Label": "Ratings", "MaxConcurrency": 100, "ToleratedFailurePercentage": 50,
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "dataset", "Key": "{% $states.input.key %}"},
                       "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 1000}},
        "ItemSelector": {"user": "{% $number($states.context.Map.Item.Value.user) %}", "stars": "{% $states.context.Map.Item.Value.stars %}"},
        "ItemBatcher": {"MaxItemsPerBatch": 10},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "dataset", "Prefix": "out"},
                         "WriterConfig": {"OutputType": "JSON", "Transformation": "FLATTEN"}},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Sum", "States": {
            "Sum": {"Type": "Pass", "Output": "{% $states.input.Items[stars = '4'].user %}", "End": True}}},
        "End": True}}}  # fmt: skip
    machine = sfn.create_state_machine(name="ratings", roleArn=ROLE, definition=json.dumps(definition))["stateMachineArn"]
    started = sfn.start_execution(stateMachineArn=machine, input=json.dumps({"key": "in/ratings.csv"}))["executionArn"]
    end = finish(sfn, started)
    assert end["status"] == "SUCCEEDED", end
    out = json.loads(end["output"])
    assert out["MapRunArn"].split(":")[-2].endswith("/Ratings")
    manifest = json.loads(s3.get_object(Bucket="dataset", Key=out["ResultWriterDetails"]["Key"])["Body"].read())
    [file] = manifest["ResultFiles"]["SUCCEEDED"]
    results = s3.get_object(Bucket="dataset", Key=file["Key"])
    assert results["ContentLength"] == file["Size"]
    assert json.loads(results["Body"].read()) == list(range(4, 1000, 5))

    run = sfn.describe_map_run(mapRunArn=out["MapRunArn"])
    assert run["itemCounts"]["total"] == run["itemCounts"]["succeeded"] == run["itemCounts"]["resultsWritten"] == 1000
    assert run["executionCounts"]["total"] == run["executionCounts"]["succeeded"] == 100
    assert run["maxConcurrency"] == 100 and run["toleratedFailurePercentage"] == 50
    assert len(sfn.list_executions(mapRunArn=out["MapRunArn"], maxResults=1000)["executions"]) == 100
    events = [e["type"] for e in sfn.get_execution_history(executionArn=started)["events"]]
    assert events == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded",
                      "MapStateExited", "ExecutionSucceeded"]  # fmt: skip

    failed = finish(sfn, sfn.start_execution(stateMachineArn=machine, input=json.dumps({"key": "in/none.csv"}))["executionArn"])
    assert (failed["status"], failed["error"]) == ("FAILED", "States.ItemReaderFailed")
    assert failed["cause"].startswith("The specified key does not exist.")
