"""The ECR API with boto3 and the AWS CLI, without Docker: images are put by their manifests."""

import hashlib
import io
import json
import tarfile
import uuid

import pytest
from conftest import ROLE, wait_for

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def blob(ecr, repository, content):
    """Upload a layer or a configuration; -> what a manifest says of it."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return {"digest": digest, "size": len(content)}


def put(ecr, repository, tag, files=(), config=None, architecture="amd64"):
    """Put an image, with one layer when there are files ((tarfile.TarInfo, bytes) each); -> its digest."""
    layers, diff_ids = [], []
    if files:
        b = io.BytesIO()
        with tarfile.open(fileobj=b, mode="w") as tar:
            for entry, content in files:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        layers.append({"mediaType": LAYER, **blob(ecr, repository, b.getvalue())})
        diff_ids.append(layers[0]["digest"])
    about = {"architecture": architecture, "os": "linux", "config": config or {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}, "mark": uuid.uuid4().hex}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, **blob(ecr, repository, json.dumps(about).encode())}, "layers": layers}
    named = {"imageTag": tag} if tag else {}
    return ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), **named)["image"]["imageId"]["imageDigest"]


def test_lifecycle_policies(platform):
    ecr, repository = platform.client("ecr"), "life-" + uuid.uuid4().hex[:8]
    ecr.create_repository(repositoryName=repository)
    first, second = put(ecr, repository, "prod-1"), put(ecr, repository, "prod-2")
    put(ecr, repository, "")
    with pytest.raises(ecr.exceptions.LifecyclePolicyNotFoundException):
        ecr.start_lifecycle_policy_preview(repositoryName=repository)
    with pytest.raises(ecr.exceptions.LifecyclePolicyPreviewNotFoundException):
        ecr.get_lifecycle_policy_preview(repositoryName=repository)
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Lifecycle policy validation failure: .*countNumber"):
        ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": [
            {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan"}, "action": {"type": "expire"}}]}))  # fmt: skip
    policy = json.dumps({"rules": [{"rulePriority": 3, "description": "one of production", "action": {"type": "expire"},
                                    "selection": {"tagStatus": "tagged", "tagPrefixList": ["prod"], "countType": "imageCountMoreThan", "countNumber": 1}}]})  # fmt: skip
    platform.aws("ecr", "put-lifecycle-policy", "--repository-name", repository, "--lifecycle-policy-text", policy)
    assert json.loads(ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]) == json.loads(policy)
    assert platform.aws("ecr", "start-lifecycle-policy-preview", "--repository-name", repository)["status"] == "IN_PROGRESS"
    platform.aws("ecr", "wait", "lifecycle-policy-preview-complete", "--repository-name", repository)
    preview = platform.aws("ecr", "get-lifecycle-policy-preview", "--repository-name", repository)
    assert preview["summary"] == {"expiringImageTotalCount": 1}
    [image] = preview["previewResults"]
    assert (image["imageDigest"], image["imageTags"], image["action"], image["appliedRulePriority"]) == (first, ["prod-1"], {"type": "EXPIRE"}, 3)
    only = ecr.get_lifecycle_policy_preview(repositoryName=repository, imageIds=[{"imageDigest": second}])
    assert only["previewResults"] == [] and only["status"] == "COMPLETE"
    assert len(ecr.describe_images(repositoryName=repository)["imageDetails"]) == 3  # a preview deletes nothing
    ecr.delete_lifecycle_policy(repositoryName=repository)
    with pytest.raises(ecr.exceptions.LifecyclePolicyNotFoundException):
        ecr.get_lifecycle_policy(repositoryName=repository)


def test_nothing_is_scanned_or_replicated(platform):
    ecr, repository = platform.client("ecr"), "plain-" + uuid.uuid4().hex[:8]
    ecr.create_repository(repositoryName=repository)
    put(ecr, repository, "x")
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": "x"})
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": "y"})
    assert ecr.describe_image_replication_status(repositoryName=repository, imageId={"imageTag": "x"})["replicationStatuses"] == []
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
    assert ecr.put_replication_configuration(replicationConfiguration={"rules": []})["replicationConfiguration"] == {"rules": []}
    with pytest.raises(ecr.exceptions.ValidationException):
        ecr.put_registry_scanning_configuration(scanType="ENHANCED")


def entry(name, kind=tarfile.REGTYPE):
    e = tarfile.TarInfo(name)
    e.mode, e.type = 0o755, kind
    return e


FOREIGN = b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16" + bytes(100)  # an executable for s390x, as far as the kernel looks


@pytest.mark.parametrize("name, files, config, error", [
    ("another architecture", [(entry("main"), FOREIGN)], {"Entrypoint": ["/main"]}, "fork/exec /main: exec format error"),
    ("no program", [(entry("main"), b"text")], {"Entrypoint": ["/main"]}, "fork/exec /main: exec format error"),
    ("neither entrypoint nor command", [(entry("main"), b"text")], {}, "Couldn't find valid bootstrap(s): []"),
    ("a layer that climbs out", [(entry("../../x"), b"x")], {"Entrypoint": ["/x"]}, None),
    ("a layer with a device", [(entry("main", tarfile.CHRTYPE), b"")], {"Entrypoint": ["/main"]}, None),
])  # fmt: skip
def test_images_that_cannot_run(platform, name, files, config, error):
    ecr, lam, repository = platform.client("ecr"), platform.client("lambda"), "bad-" + uuid.uuid4().hex[:8]
    uri = ecr.create_repository(repositoryName=repository)["repository"]["repositoryUri"]
    put(ecr, repository, "x", files, config)
    lam.create_function(FunctionName=repository, PackageType="Image", Code={"ImageUri": uri + ":x"}, Role=ROLE)
    state = wait_for(lambda: (c := lam.get_function_configuration(FunctionName=repository))["State"] != "Pending" and c)
    if error is None:  # what cannot be unpacked shows before anybody calls it
        assert (state["State"], state["StateReasonCode"]) == ("Failed", "InvalidImage"), state
        return
    for _ in range(2):
        r = lam.invoke(FunctionName=repository, LogType="Tail")
        body, request = json.loads(r["Payload"].read()), r["ResponseMetadata"]["RequestId"]
        assert body == {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": f"RequestId: {request} Error: {error}"}
    events = platform.client("logs").filter_log_events(logGroupName="/aws/lambda/" + repository)["events"]
    entrypoint = config.get("Entrypoint", [""])[0]
    assert any(e["message"].startswith(f"IMAGE\tLaunch error: {error}\tEntrypoint: [{entrypoint}]") for e in events), events
