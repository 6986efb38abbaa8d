"""Writes api/sfn/outputs.json.gz: the shapes of what AWS services answer, for TestState's mocked results.

    python3 internal/awsgen/outputs.py      (needs botocore, whose service models are licensed under Apache-2.0)

For each service, by the name that resources of Task states have: {"ops": {Operation: shape}, "shapes": {name: shape}}.
A shape is "s" (string, blob, timestamp, date), "n" (number), "b" (boolean), {"e": [enum]}, {"l": name} (list of),
{"m": name} (map to), or {"f": {Field: name}, "r": [required]}.
"""
import gzip, io, json, pathlib
import botocore.session

SERVICES = {"lambda": "lambda", "sfn": "stepfunctions", "eventbridge": "events", "dynamodb": "dynamodb", "sqs": "sqs",
            "sns": "sns", "s3": "s3", "kms": "kms", "ecs": "ecs", "batch": "batch", "glue": "glue", "cloudwatchlogs": "logs",
            "iam": "iam", "sts": "sts", "ecr": "ecr", "apigateway": "apigateway", "athena": "athena", "kinesis": "kinesis",
            "secretsmanager": "secretsmanager", "ssm": "ssm", "cloudwatch": "cloudwatch", "codebuild": "codebuild"}


def up(name):
    return name[:1].upper() + name[1:]


def shapes_of(model):
    shapes, ops = {}, {}

    def visit(s):
        if s.name in shapes:
            return s.name
        shapes[s.name] = None
        t = s.type_name
        if t == "structure":
            v = {"f": {up(k): visit(m) for k, m in s.members.items()}}
            if s.required_members:
                v["r"] = [up(k) for k in s.required_members]
        elif t == "list":
            v = {"l": visit(s.member)}
        elif t == "map":
            v = {"m": visit(s.value)}
        elif t in ("integer", "long", "float", "double", "short", "byte", "bigdecimal", "biginteger"):
            v = "n"
        elif t == "boolean":
            v = "b"
        else:
            v = {"e": list(s.enum)} if getattr(s, "enum", None) else "s"
        shapes[s.name] = v
        return s.name

    for name in model.operation_names:
        out = model.operation_model(name).output_shape
        if out is not None:
            ops[name] = visit(out)
    return {"ops": ops, "shapes": shapes}


session = botocore.session.get_session()
data = {k: shapes_of(session.get_service_model(v)) for k, v in SERVICES.items()}
raw = json.dumps(data, separators=(",", ":"), sort_keys=True).encode()
buf = io.BytesIO()
with gzip.GzipFile(fileobj=buf, mode="wb", mtime=0) as z:
    z.write(raw)
path = pathlib.Path(__file__).parents[2] / "api" / "sfn" / "outputs.json.gz"
path.write_bytes(buf.getvalue())
print(path.name, len(buf.getvalue()), "bytes of", len(raw))
