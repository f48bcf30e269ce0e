"""Deploys the template to an emulator of AWS: zips the functions, stores them in a bucket, runs a change set.

Reads its settings as JSON from standard input, since they hold secrets, and writes the stack's outputs to standard output:
  {"endpoint", "region", "stack", "template", "binaries": {}, "parameters": {}, "keepBucket"}
`binaries` holds the path of each function's binary. `keepBucket` is the bucket to reuse if the emulator has lost the stack. A
second run updates only what has changed.
"""

import datetime
import hashlib
import io
import json
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from packaged import FUNCTIONS, packaged

CODE_BUCKET = "functions-code"
# A stack in one of these states can only be deleted. A stack whose update was rolled back can be updated again.
UNUSABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
READY_WITHIN_S = 60
DEPLOYED_WITHIN_S = 300


def main():
    settings = json.load(sys.stdin)
    wait_until_ready(settings["endpoint"])
    cloudformation, s3 = (client(settings, name) for name in ("cloudformation", "s3"))
    addresses = {name: upload(s3, settings, name) for name in FUNCTIONS}
    template = packaged(Path(settings["template"]).read_text(encoding="utf-8"), addresses.get)
    # Too large to be sent in the request itself.
    s3.put_object(Bucket=CODE_BUCKET, Key="template.yaml", Body=template.encode())
    address = f"{settings['endpoint']}/{CODE_BUCKET}/template.yaml"
    outputs = deploy(cloudformation, s3, settings, address)
    json.dump(outputs, sys.stdout)


def client(settings, service):
    """The emulator accepts any credentials, but requires some."""
    return boto3.client(
        service,
        endpoint_url=settings["endpoint"],
        region_name=settings["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}),
    )


def wait_until_ready(endpoint):
    until = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > until:
                sys.exit(f"the emulator at {endpoint} is not ready after {READY_WITHIN_S} s")
            time.sleep(0.1)


def upload(s3, settings, name):
    """The key names the binary, so that code which has not changed is not sent again."""
    binary = Path(settings["binaries"][name]).read_bytes()
    key = f"{name}-{hashlib.sha256(binary).hexdigest()[:16]}.zip"
    make_bucket(s3, settings["region"])
    try:
        s3.head_object(Bucket=CODE_BUCKET, Key=key)
    except ClientError as error:
        if not is_missing(error):
            raise
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=zipped(binary))
        print(f"{name}: {len(binary) // 1_000_000} MB", file=sys.stderr)
    return f"s3://{CODE_BUCKET}/{key}"


def make_bucket(s3, region):
    try:
        s3.create_bucket(Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    except (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists):
        pass


def is_missing(error):
    return error.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def zipped(binary):
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, binary, compresslevel=1)
    return file.getvalue()


def deploy(cloudformation, s3, settings, template):
    stack = settings["stack"]
    status = stack_status(cloudformation, stack)
    if status in UNUSABLE:
        # A partly created stack holds no conversation, and its bucket and key are retained.
        cloudformation.delete_stack(StackName=stack)
        wait_for(cloudformation, stack, lambda status: status is None)
        status = None
    parameters = dict(settings["parameters"])
    if status is None and bucket_exists(s3, settings.get("keepBucket")):
        parameters.setdefault("ExistingBucketName", settings["keepBucket"])
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    if status is not None and "ExistingBucketName" not in parameters:
        given.append({"ParameterKey": "ExistingBucketName", "UsePreviousValue": True})
    change(cloudformation, stack, template, given, "UPDATE" if status else "CREATE")
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def change(cloudformation, stack, template, parameters, kind):
    name = datetime.datetime.now(datetime.timezone.utc).strftime("up-%Y%m%dT%H%M%S%f")
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateURL=template,
        Parameters=parameters,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    made = change_set(cloudformation, stack, name)
    if made["Status"] == "FAILED":
        reason = made.get("StatusReason", "")
        if "No updates" in reason or "didn't contain changes" in reason:
            return
        sys.exit(f"the template was refused: {reason}")
    cloudformation.execute_change_set(StackName=stack, ChangeSetName=name)
    status = wait_for(cloudformation, stack, lambda status: status and not status.endswith("_IN_PROGRESS"))
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        sys.exit(f"the stack is {status}: {first_failure(cloudformation, stack)}")


def change_set(cloudformation, stack, name):
    until = time.monotonic() + DEPLOYED_WITHIN_S
    while True:
        made = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if made["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return made
        give_up_after(until, stack)


def wait_for(cloudformation, stack, reached):
    until = time.monotonic() + DEPLOYED_WITHIN_S
    while True:
        status = stack_status(cloudformation, stack)
        if reached(status):
            return status
        give_up_after(until, stack)


def give_up_after(until, stack):
    if time.monotonic() > until:
        sys.exit(f"the stack {stack} has not changed within {DEPLOYED_WITHIN_S} s")
    time.sleep(0.2)


def stack_status(cloudformation, stack):
    try:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if status in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS") else status


def bucket_exists(s3, bucket):
    if not bucket:
        return False
    try:
        s3.head_bucket(Bucket=bucket)
        return True
    except ClientError as error:
        if is_missing(error):
            return False
        raise


def first_failure(cloudformation, stack):
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
    return failed[0].get("ResourceStatusReason", "no reason given") if failed else "no reason given"


if __name__ == "__main__":
    try:
        main()
    except (BotoCoreError, ClientError) as error:
        sys.exit(str(error).partition("\n")[0])
