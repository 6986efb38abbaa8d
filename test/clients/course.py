"""The course's own code, as its text gives it."""

import json
import pathlib

COURSE = pathlib.Path(__file__).resolve().parents[2] / "lab" / "course"

PROBE = (COURSE / "sfn_probe_lambda.py").read_text()
TRIGGER = (COURSE / "sfn_trigger_lambda.py").read_text()
WORKFLOW = (COURSE / "Pheromone-Experiment-Workflow.asl.json").read_text()


def workflow(probe_arn):
    """The course's definition, verbatim but for the function ARN."""
    text = WORKFLOW.replace("REPLACE_ME_WITH_PROBE_LAMBDA_ARN", probe_arn)
    assert json.loads(text)["States"]["comment_chain"].startswith("---")
    return text


def trigger(machine_arn):
    return TRIGGER.replace("ARN_OF_Pheromone-Experiment-Workflow_HERE", machine_arn)
