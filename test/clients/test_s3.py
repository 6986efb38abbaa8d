"""Amazon S3 as an unmodified boto3 uses it: default integrity checks, transfers in parts, listings, conditions."""

import base64
import hashlib
import io
import json
import urllib.request

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def client(platform):
    return platform.client


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def bucket(s3, request):
    name = "b-" + hashlib.md5(request.node.name.encode()).hexdigest()[:16]
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for o in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=o["Key"])
    s3.delete_bucket(Bucket=name)


def refused(code, status, call, **params):
    with pytest.raises(ClientError) as e:
        call(**params)
    assert e.value.response["Error"]["Code"] == code
    assert e.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_an_object_comes_back_as_it_went(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="a/b c+d%é.txt", Body=b"hello", ContentType="text/plain", CacheControl="no-store",
                        Metadata={"colour": "blue"})
    assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert put["ChecksumCRC32"] == "NhCmhg=="  # boto3's default integrity check
    got = s3.get_object(Bucket=bucket, Key="a/b c+d%é.txt")
    assert got["Body"].read() == b"hello"
    assert (got["ContentType"], got["CacheControl"], got["Metadata"], got["ContentLength"]) == ("text/plain", "no-store", {"colour": "blue"}, 5)
    head = s3.head_object(Bucket=bucket, Key="a/b c+d%é.txt", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == "NhCmhg==" and head["ETag"] == put["ETag"]
    s3.delete_object(Bucket=bucket, Key="a/b c+d%é.txt")
    refused("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="a/b c+d%é.txt")
    refused("404", 404, s3.head_object, Bucket=bucket, Key="a/b c+d%é.txt")
    s3.delete_object(Bucket=bucket, Key="never there")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    if algorithm in ("CRC32C", "CRC64NVME"):
        pytest.importorskip("awscrt")
    put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(b"x" * 100_000), ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")  # boto3 checks what it reads
    assert got["Checksum" + algorithm] == put["Checksum" + algorithm]
    assert len(got["Body"].read()) == 100_000


def test_known_checksums(s3, bucket):
    """The standard check values of the five algorithms over "123456789"."""
    def sha(name):
        return base64.b64encode(hashlib.new(name, b"123456789").digest()).decode()

    for algorithm, value in {"CRC32": "y/Q5Jg==", "CRC32C": "4waSgw==", "CRC64NVME": "rosUhgp5mIg=", "SHA1": sha("sha1"), "SHA256": sha("sha256")}.items():
        s3.put_object(Bucket=bucket, Key="k", Body=b"123456789", **{"Checksum" + algorithm: value})
        refused("BadDigest", 400, s3.put_object, Bucket=bucket, Key="other", Body=b"12345678", **{"Checksum" + algorithm: value})
    refused("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="other")


def test_ranges(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    for text, want, content_range in [("bytes=2-4", b"234", "bytes 2-4/10"), ("bytes=7-", b"789", "bytes 7-9/10"),
                                      ("bytes=-3", b"789", "bytes 7-9/10"), ("bytes=5-99", b"56789", "bytes 5-9/10")]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=text)
        assert got["Body"].read() == want and got["ContentRange"] == content_range
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    refused("InvalidRange", 416, s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-")
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=nonsense")["Body"].read() == b"0123456789"


def test_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    at = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    refused("304", 304, s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)
    refused("304", 304, s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=at)
    refused("PreconditionFailed", 412, s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"')
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, IfUnmodifiedSince=at)["Body"].read() == b"1"
    refused("PreconditionFailed", 412, s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    refused("PreconditionFailed", 412, s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    s3.put_object(Bucket=bucket, Key="new", Body=b"2", IfNoneMatch="*")


def test_listings(s3, bucket):
    keys = ["a", "b/1", "b/2", "b/c/3", "c", "d/", "d/4", "e é+ &<"]
    for k in keys:
        s3.put_object(Bucket=bucket, Key=k, Body=k.encode())

    def listed(**params):
        out, prefixes = [], []
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **params):
            assert page["KeyCount"] == len(page.get("Contents", [])) + len(page.get("CommonPrefixes", []))
            out += [o["Key"] for o in page.get("Contents", [])]
            prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        return out, prefixes

    assert listed() == (keys, [])
    for size in (1, 2, 3):
        pages = {"PaginationConfig": {"PageSize": size}}
        assert listed(**pages) == (keys, [])
        assert listed(Delimiter="/", **pages) == (["a", "c", "e é+ &<"], ["b/", "d/"])
        assert listed(Prefix="b/", Delimiter="/", **pages) == (["b/1", "b/2"], ["b/c/"])
        assert listed(Prefix="d/", Delimiter="/", **pages) == (["d/", "d/4"], [])
    assert listed(StartAfter="b/2") == (["b/c/3", "c", "d/", "d/4", "e é+ &<"], [])
    assert listed(Prefix="zzz") == ([], [])
    page = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert page["KeyCount"] == 0 and not page["IsTruncated"]
    v1 = [o["Key"] for page in s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3}) for o in page["Contents"]]
    assert v1 == keys
    refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=bucket, ContinuationToken="***")


def test_delete_objects(s3, bucket):
    for i in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{i}", Body=b"")
    out = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k0"}, {"Key": "k1"}, {"Key": "gone"}]})
    assert [d["Key"] for d in out["Deleted"]] == ["k0", "k1", "gone"]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k2", "k3", "k4"]


def test_copy(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from é", Body=b"bytes", ContentType="a/b", Metadata={"x": "1"})
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from é"})
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"bytes", "a/b", {"x": "1"})
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"}, MetadataDirective="REPLACE", Metadata={"y": "2"})
    assert s3.head_object(Bucket=bucket, Key="to")["Metadata"] == {"y": "2"}
    refused("InvalidRequest", 400, s3.copy_object, Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "to"})
    refused("NoSuchKey", 404, s3.copy_object, Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "absent"})


def test_transfers_in_parts(s3, bucket, tmp_path):
    data = bytes(range(256)) * (80 * 1024)  # 20 MiB: boto3 sends it in three parts
    (tmp_path / "big").write_bytes(data)
    s3.upload_file(str(tmp_path / "big"), bucket, "big")
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == len(data) and head["ETag"].endswith('-3"')
    s3.download_file(bucket, "big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "again")
    assert s3.get_object(Bucket=bucket, Key="again", Range="bytes=8388607-8388610")["Body"].read() == data[8388607:8388611]


def test_multipart_by_hand(s3, bucket):
    up = s3.create_multipart_upload(Bucket=bucket, Key="k", ContentType="x/y", Metadata={"m": "1"})["UploadId"]
    first, last = b"a" * (5 << 20), b"tail"
    parts = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key="k", UploadId=up, PartNumber=n, Body=b)["ETag"]} for n, b in ((3, last), (1, first))]
    assert [p["PartNumber"] for p in s3.list_parts(Bucket=bucket, Key="k", UploadId=up)["Parts"]] == [1, 3]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [up]
    done = {"Bucket": bucket, "Key": "k", "UploadId": up}
    refused("InvalidPartOrder", 400, s3.complete_multipart_upload, **done, MultipartUpload={"Parts": parts})
    parts.sort(key=lambda p: p["PartNumber"])
    refused("InvalidPart", 400, s3.complete_multipart_upload, **done, MultipartUpload={"Parts": parts + [{"PartNumber": 9, "ETag": "x"}]})
    out = s3.complete_multipart_upload(**done, MultipartUpload={"Parts": parts})
    want = hashlib.md5(hashlib.md5(first).digest() + hashlib.md5(last).digest()).hexdigest()
    assert out["ETag"] == f'"{want}-2"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == first + last and got["ContentType"] == "x/y" and got["Metadata"] == {"m": "1"}
    refused("NoSuchUpload", 404, s3.list_parts, **done)
    small = s3.create_multipart_upload(Bucket=bucket, Key="s")["UploadId"]
    tags = [s3.upload_part(Bucket=bucket, Key="s", UploadId=small, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]
    refused("EntityTooSmall", 400, s3.complete_multipart_upload, Bucket=bucket, Key="s", UploadId=small,
            MultipartUpload={"Parts": [{"PartNumber": n + 1, "ETag": t} for n, t in enumerate(tags)]})
    s3.abort_multipart_upload(Bucket=bucket, Key="s", UploadId=small)
    refused("NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=bucket, Key="s", UploadId=small)


def test_buckets(s3, bucket):
    assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    refused("404", 404, s3.head_bucket, Bucket="nowhere-at-all")
    refused("NoSuchBucket", 404, s3.list_objects_v2, Bucket="nowhere-at-all")
    refused("NoSuchBucket", 404, s3.put_object, Bucket="nowhere-at-all", Key="k", Body=b"")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=bucket)


def test_presigned_and_virtual_hosts(s3, bucket, platform):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p"})
    urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT"))
    assert urllib.request.urlopen(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p"})).read() == b"by url"
    for host in (f"{bucket}.s3.localhost", f"{bucket}.s3.us-east-1.amazonaws.com"):
        assert urllib.request.urlopen(urllib.request.Request(platform.endpoint + "/p", headers={"Host": host})).read() == b"by url"


def test_what_is_not_built_says_so(s3, bucket):
    for call, params in [(s3.get_bucket_acl, {}), (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}),
                         (s3.put_object, {"Key": "k", "Body": b"", "Tagging": "a=b"}), (s3.put_object, {"Key": "k", "Body": b"", "StorageClass": "GLACIER"})]:
        refused("NotImplemented", 501, call, Bucket=bucket, **params)


def test_code_of_a_function(s3, bucket, client):
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("app.py", "def handler(event, context):\n    return {'from': 'a bucket', 'event': event}\n")
    s3.put_object(Bucket=bucket, Key="code.zip", Body=buffer.getvalue())
    lam = client("lambda")
    lam.create_function(FunctionName="from-bucket", Runtime="python3.12", Handler="app.handler", Role="arn:aws:iam::000000000000:role/LabRole",
                        Code={"S3Bucket": bucket, "S3Key": "code.zip"})
    lam.get_waiter("function_active_v2").wait(FunctionName="from-bucket")
    try:
        out = lam.invoke(FunctionName="from-bucket", Payload=b"[1]")
        assert json.load(out["Payload"]) == {"from": "a bucket", "event": [1]}
    finally:
        lam.delete_function(FunctionName="from-bucket")
