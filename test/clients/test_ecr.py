"""The ECR API with boto3 and the AWS CLI, without Docker: images are put by their manifests."""

import hashlib
import json
import uuid

import pytest

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def put(ecr, repository, tag):
    """Put an image without layers; -> its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "mark": uuid.uuid4().hex}).encode()
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(config) - 1, layerPartBlob=config)
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"mediaType": CONFIG, "size": len(config), "digest": digest}, "layers": []}
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
