"""Container images: the course's own path through Docker, and what else pushes, pulls and runs them."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

import pytest
from botocore.exceptions import ClientError
from conftest import BINARY, ROLE, Platform, wait_for
from images import BASE_CHANGES, Docker, base_tar, installed, packages


@pytest.fixture(scope="session")
def docker():
    d = Docker()
    yield d
    d.close()


@pytest.fixture(scope="session")
def base(docker):
    """An image in the layout of AWS's base image for Python."""
    docker("import", *BASE_CHANGES, "-", "lambda-python:base", input=base_tar())
    return "lambda-python:base"


def repository(platform, name):
    """-> the repositoryUri of a new repository, as the course's README makes one."""
    return platform.aws("ecr", "create-repository", "--repository-name", name)["repository"]["repositoryUri"]


def login(platform, docker, uri):
    password = platform.aws("ecr", "get-login-password", raw=True)
    out = docker("login", "--username", "AWS", "--password-stdin", uri.split("/")[0], input=password.encode())
    assert "Login Succeeded" in out


def function(platform, name, uri, **more):
    lam = platform.client("lambda")
    lam.create_function(FunctionName=name, PackageType="Image", Code={"ImageUri": uri}, Role=ROLE, **more)
    lam.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    return lam


def invoke(lam, name, payload):
    out = lam.invoke(FunctionName=name, Payload=json.dumps(payload), LogType="Tail")
    return out.get("FunctionError"), json.loads(out["Payload"].read())


IRIS = """
import json, pickle
model = pickle.load(open("model.pkl", "rb"))
NAMES = ["setosa", "versicolor", "virginica"]
def lambda_handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"prediction": NAMES[int(model.predict([event["values"]])[0])], "request": context.aws_request_id})}
"""


def test_course_image(own_platform, docker, base, tmp_path):
    """A Dockerfile with scikit-learn, the pickled model and lambda_function.py: built, pushed with the printed commands, run."""
    platform, folder = own_platform, tmp_path / "iris"
    folder.mkdir()
    shutil.copytree(packages(), folder / "python")
    train = "import pickle,sys; from sklearn import datasets, svm; x, y = datasets.load_iris(return_X_y=True); pickle.dump(svm.SVC().fit(x, y), open(sys.argv[1], 'wb'))"
    subprocess.run([sys.executable, "-c", train, folder / "model.pkl"], env={"PYTHONPATH": str(packages())}, check=True)
    docker.build("iris_image", folder, f"FROM {base}\nCOPY python ${{LAMBDA_TASK_ROOT}}\nCOPY model.pkl lambda_function.py ${{LAMBDA_TASK_ROOT}}/\n"
                 'CMD ["lambda_function.lambda_handler"]\n', lambda_function=IRIS)  # fmt: skip
    uri = repository(platform, "iris-registry")
    assert uri == f"localhost:{platform.port}/iris-registry"
    login(platform, docker, uri)
    docker("tag", "iris_image", uri + ":latest")
    docker("push", uri + ":latest")

    [image] = platform.aws("ecr", "describe-images", "--repository-name", "iris-registry")["imageDetails"]
    assert image["imageTags"] == ["latest"] and image["imageSizeInBytes"] > 20 << 20
    lam = function(platform, "iris", uri + ":latest", MemorySize=512, Timeout=60)
    about = lam.get_function(FunctionName="iris")
    assert about["Code"] == {"RepositoryType": "ECR", "ImageUri": uri + ":latest", "ResolvedImageUri": f"{uri}@{image['imageDigest']}"}
    made = about["Configuration"]
    assert made["PackageType"] == "Image" and made["CodeSha256"] == image["imageDigest"].removeprefix("sha256:") and made["CodeSize"] == 0
    assert not {"Runtime", "Handler"} & set(made)
    error, answer = invoke(lam, "iris", {"values": [5.1, 3.5, 1.4, 0.2]})
    assert error is None and json.loads(answer["body"])["prediction"] == "setosa"

    platform.kill()  # the environment lives on, and the image with it
    platform.start()
    before = platform.get("/_anthill/environments")
    lam = platform.client("lambda")
    error, answer = invoke(lam, "iris", {"values": [6.3, 3.3, 6.0, 2.5]})
    assert error is None and json.loads(answer["body"])["prediction"] == "virginica" and before

    docker("rmi", uri + ":latest")
    docker("pull", uri + ":latest")
    platform.aws("ecr", "delete-repository", "--repository-name", "iris-registry", "--force")
    error, _ = invoke(lam, "iris", {"values": [5.1, 3.5, 1.4, 0.2]})  # what it runs is its own
    assert error is None


PROBE = """
import os, pathlib
def handler(event, context):
    def tried(path):
        try:
            pathlib.Path(path).write_text("x")
            return "written"
        except OSError as e:
            return type(e).__name__
    return {"env": dict(os.environ), "cwd": os.getcwd(), "uid": os.getuid(), "root": sorted(os.listdir("/")), "tmp": tried("/tmp/x"),
            "task": tried("/var/task/x"), "event": event, "pids": [p for p in os.listdir("/proc") if p.isdigit()]}
"""


@pytest.fixture(params=["anthill", "crun"])
def engine(request, platform, tmp_path_factory):
    """A platform that starts images itself, and one that has crun start them."""
    if request.param == "anthill":
        yield platform
        return
    installed("crun")
    p = Platform(tmp_path_factory.mktemp("crun"), "--image-engine", "crun")
    yield p
    p.stop()


def test_own_client_and_overrides(engine, docker, base, tmp_path):
    """An image that starts its own runtime interface client, and one whose ImageConfig says everything anew."""
    docker.build("own", tmp_path / "own", f'FROM {base}\nENV COLOUR=blue\nCOPY app.py /var/task/\nENTRYPOINT ["python", "-m", "awslambdaric"]\nCMD ["app.handler"]\n',
                 app=PROBE)  # fmt: skip
    platform = engine
    uri = repository(platform, "own")
    login(platform, docker, uri)
    docker("tag", "own", uri + ":1")
    docker("push", uri + ":1")
    lam = function(platform, "own", uri + ":1", Environment={"Variables": {"SHAPE": "round"}})
    error, seen = invoke(lam, "own", {"n": 1})
    assert error is None, seen
    assert seen["event"] == {"n": 1} and seen["cwd"] == "/var/task" and seen["tmp"] == "written" and seen["task"] != "written"
    assert seen["env"]["COLOUR"] == "blue" and seen["env"]["SHAPE"] == "round" and "_HANDLER" not in seen["env"]
    assert "usr" not in seen["root"] or "lambda-entrypoint.sh" in seen["root"]
    lam.update_function_configuration(FunctionName="own", ImageConfig={"EntryPoint": ["/lambda-entrypoint.sh"], "Command": ["app.handler"], "WorkingDirectory": "/tmp"})
    lam.get_waiter("function_updated_v2").wait(FunctionName="own", WaiterConfig={"Delay": 1})
    assert lam.get_function_configuration(FunctionName="own")["ImageConfigResponse"]["ImageConfig"]["WorkingDirectory"] == "/tmp"
    error, seen = invoke(lam, "own", {})
    assert error == "Unhandled" and seen["errorType"] == "Runtime.ImportModuleError"  # its module is not in /tmp
    for change, kind, text in (
        ({"EntryPoint": ["/none"]}, "Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/none]"),
        ({"EntryPoint": ["/etc/passwd"]}, "Runtime.InvalidEntrypoint", "fork/exec /etc/passwd: permission denied"),
        ({"WorkingDirectory": "/none"}, "Runtime.InvalidWorkingDir", "chdir /none: no such file or directory"),
    ):
        lam.update_function_configuration(FunctionName="own", ImageConfig=change)
        lam.get_waiter("function_updated_v2").wait(FunctionName="own", WaiterConfig={"Delay": 1})
        error, seen = invoke(lam, "own", {})
        assert error == "Unhandled" and seen["errorType"] == kind and seen["errorMessage"].endswith(" Error: " + text), seen
    lam.update_function_configuration(FunctionName="own", ImageConfig={})
    lam.get_waiter("function_updated_v2").wait(FunctionName="own", WaiterConfig={"Delay": 1})
    error, seen = invoke(lam, "own", {"n": 2})
    assert error is None and seen["event"] == {"n": 2}


GO = """package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	lambda.Start(func(ctx context.Context, event map[string]any) (map[string]any, error) {
		c, _ := lambdacontext.FromContext(ctx)
		_, err := os.Stat("/etc/shadow")
		return map[string]any{"got": event, "function": lambdacontext.FunctionName, "request": c.AwsRequestID, "shadow": err == nil}, nil
	})
}
"""


def test_go_from_scratch(platform, docker, tmp_path):
    """An image of nothing but one static program with AWS's own client for Go."""
    folder = tmp_path / "go"
    folder.mkdir()
    (folder / "main.go").write_text(GO)
    (folder / "go.mod").write_text("module handler\n\ngo 1.24\n\nrequire github.com/aws/aws-lambda-go v1.55.1\n")
    env = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=mod -trimpath")
    built = subprocess.run(["go", "build", "-ldflags", "-s -w", "-o", "main", "."], cwd=folder, env=env, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    docker.build("go", folder, 'FROM scratch\nCOPY main /main\nENTRYPOINT ["/main"]\n')
    uri = repository(platform, "go")
    docker("tag", "go", uri + ":1")
    docker("push", uri + ":1")
    lam = function(platform, "go-image", uri + ":1")
    error, seen = invoke(lam, "go-image", {"n": 1})
    assert error is None and seen["got"] == {"n": 1} and seen["function"] == "go-image" and not seen["shadow"], seen


def refused(call, code, text, **more):
    with pytest.raises(ClientError) as e:
        call(**more)
    assert e.value.response["Error"]["Code"] == code and text in e.value.response["Error"]["Message"], e.value


def test_refusals(platform, docker, base):
    lam, ecr = platform.client("lambda"), platform.client("ecr")
    uri = repository(platform, "refused")
    make = dict(FunctionName="refused", PackageType="Image", Role=ROLE)
    for image, text in ((uri + ":none", f"Source image {uri}:none does not exist. Provide a valid source image."),
                        ("refused:1", "Source image refused:1 is not valid. Provide a valid source image."),
                        (uri, f"Source image {uri} is not valid. Provide a valid source image.")):  # fmt: skip
        refused(lam.create_function, "InvalidParameterValueException", text, Code={"ImageUri": image}, **make)
    refused(ecr.describe_images, "RepositoryNotFoundException", "The repository with name 'none' does not exist in the registry with id '000000000000'", repositoryName="none")
    refused(ecr.describe_images, "ImageNotFoundException", "imageTag:'none'", repositoryName="refused", imageIds=[{"imageTag": "none"}])
    out = docker("push", f"localhost:{platform.port}/unknown:1", ok=False)
    assert out.returncode != 0
    docker("tag", base, f"localhost:{platform.port}/unknown:1")
    out = docker("push", f"localhost:{platform.port}/unknown:1", ok=False)
    assert b"name unknown: The repository with name 'unknown' does not exist in the registry with id '000000000000'" in out.stderr, out.stderr


def test_layers_by_hand(platform):
    """ECR's own calls move an image without Docker; a layer that is damaged is a State of the function."""
    import hashlib

    lam, ecr = platform.client("lambda"), platform.client("ecr")
    uri = repository(platform, "by-hand")
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]}, "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}}).encode()
    parts = []
    for blob in (config, b"this is no archive" * 1000):
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        upload = ecr.initiate_layer_upload(repositoryName="by-hand")["uploadId"]
        half = len(blob) // 2
        ecr.upload_layer_part(repositoryName="by-hand", uploadId=upload, partFirstByte=0, partLastByte=half - 1, layerPartBlob=blob[:half])
        with pytest.raises(ecr.exceptions.InvalidLayerPartException) as e:
            ecr.upload_layer_part(repositoryName="by-hand", uploadId=upload, partFirstByte=0, partLastByte=half - 1, layerPartBlob=blob[:half])
        assert e.value.response["lastValidByteReceived"] == half - 1
        ecr.upload_layer_part(repositoryName="by-hand", uploadId=upload, partFirstByte=half, partLastByte=len(blob) - 1, layerPartBlob=blob[half:])
        ecr.complete_layer_upload(repositoryName="by-hand", uploadId=upload, layerDigests=[digest])
        parts.append({"digest": digest, "size": len(blob)})
        url = ecr.get_download_url_for_layer(repositoryName="by-hand", layerDigest=digest)["downloadUrl"]
        assert urllib.request.urlopen(url).read() == blob
    kind = "application/vnd.oci.image."
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": {"mediaType": kind + "config.v1+json", **parts[0]},
                           "layers": [{"mediaType": kind + "layer.v1.tar", **parts[1]}]})  # fmt: skip
    put = ecr.put_image(repositoryName="by-hand", imageManifest=manifest, imageTag="bad")["image"]["imageId"]
    refused(ecr.put_image, "ImageAlreadyExistsException", "already exists", repositoryName="by-hand", imageManifest=manifest, imageTag="bad")
    lost = manifest.replace(parts[1]["digest"], "sha256:" + "1" * 64)
    refused(ecr.put_image, "LayersNotFoundException", "do not exist", repositoryName="by-hand", imageManifest=lost, imageTag="lost")
    ecr.put_image_tag_mutability(repositoryName="by-hand", imageTagMutability="IMMUTABLE")
    refused(ecr.put_image, "ImageTagAlreadyExistsException", "immutable", repositoryName="by-hand", imageManifest=manifest + " ", imageTag="bad")
    lam.create_function(FunctionName="by-hand", PackageType="Image", Code={"ImageUri": uri + ":bad"}, Role=ROLE)
    state = wait_for(lambda: (c := lam.get_function_configuration(FunctionName="by-hand"))["State"] != "Pending" and c)
    assert (state["State"], state["StateReasonCode"]) == ("Failed", "InvalidImage")
    refused(lam.invoke, "ResourceConflictException", "Failed", FunctionName="by-hand")
    gone = ecr.batch_delete_image(repositoryName="by-hand", imageIds=[{"imageTag": "bad"}, {"imageTag": "none"}])
    assert gone["imageIds"] == [put] and gone["failures"][0]["failureCode"] == "ImageNotFound"


def test_skopeo(platform, docker, base):
    one, two = repository(platform, "skopeo/one"), repository(platform, "skopeo/two")
    plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
    docker("tag", base, one + ":1")
    docker("push", one + ":1")
    docker.skopeo("copy", *plain, f"docker://{one}:1", f"docker://{two}:2")
    docker.skopeo("copy", *plain, "--format", "oci", f"docker://{one}:1", f"docker://{two}:oci")
    seen = json.loads(docker.skopeo("inspect", "--tls-verify=false", f"docker://{two}:2"))
    assert set(seen["RepoTags"]) == {"2", "oci"} and seen["Architecture"]
    docker.skopeo("delete", "--tls-verify=false", f"docker://{two}:2")
    assert docker.skopeo("inspect", "--tls-verify=false", f"docker://{two}:2", ok=False).returncode != 0
    assert [i["imageTag"] for i in platform.client("ecr").list_images(repositoryName="skopeo/two")["imageIds"]] == ["oci"]


def test_rie(docker, base, tmp_path):
    """docker run with `anthill rie` before the image's own entry point answers as AWS's emulator does."""
    app = "def handler(event, context):\n    if event.get('fail'): raise ValueError('no')\n    return {'got': event}\n"
    folder = tmp_path / "rie"
    folder.mkdir()
    shutil.copy(BINARY, folder / "anthill")
    docker.build("rie", folder, f'FROM {base}\nCOPY anthill /usr/local/bin/\nCOPY app.py /var/task/\nENTRYPOINT ["/usr/local/bin/anthill", "rie", "/lambda-entrypoint.sh"]\nCMD ["app.handler"]\n',
                 app=app)  # fmt: skip
    port = 20000 + hash(str(tmp_path)) % 20000
    out = docker("run", "-d", "--network", "host", "--name", "rie", "-e", f"ANTHILL_RIE_ADDRESS=127.0.0.1:{port}", "rie", ok=False)
    if out.returncode:
        pytest.skip("containers do not run here: " + out.stderr.decode()[-300:])

    def call(body):
        req = urllib.request.Request(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", data=body.encode())
        with urllib.request.urlopen(req, timeout=60) as r:
            return json.loads(r.read())

    try:
        def up():
            try:
                return call('{"n": 1}')
            except OSError:
                return None

        assert wait_for(up, 60) == {"got": {"n": 1}}
        assert call('{"fail": 1}')["errorType"] == "ValueError"
        assert call('{"n": 2}') == {"got": {"n": 2}}
        logs = docker("logs", "rie", ok=False)
        assert b"START RequestId: " in logs.stdout + logs.stderr and b"REPORT RequestId: " in logs.stdout + logs.stderr
    finally:
        docker("rm", "-f", "rie")
