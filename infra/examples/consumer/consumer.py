"""Loads the records of each complete export once, into EXPORT.ndjson in a folder. Needs boto3.

    consumer.py QUEUE_URL FOLDER    handles the messages of the queue, and ends when it is empty

In Lambda, `handler` handles a batch and returns the messages that failed. To load the rows elsewhere, replace `load`: one
transaction that stores the rows and the export's id, because an event may come twice.
"""

import gzip
import hashlib
import json
import logging
import os
import re
import sys
from pathlib import Path

import boto3

COMPLETE = ("completed", "completed_with_rejects", "completed_with_gaps")
MANIFEST_KEY = re.compile(r"(?P<root>(?:.+/)?)exports/(?P<export>[A-Za-z0-9_-]{1,64})/manifest\.json")
SEALED = re.compile(rb'(\{.*),"seal":"([0-9a-f]{64})"\}\n', re.DOTALL)


def handler(event, _context):
    failed = []
    for message in event["Records"]:
        try:
            consume(json.loads(message["body"]))
        except Exception:  # This message is received again; the others are not.
            logging.exception("message %s failed", message["messageId"])
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}


def consume(event):
    key = MANIFEST_KEY.fullmatch(event["detail"]["object"]["key"])
    if key and event["detail-type"] == "Object Created":
        load(key["export"], rows(event["detail"]["bucket"]["name"], key["root"], key["export"]))


def rows(bucket, root, export):
    """Yields the lines of the pages that the manifest names, and of no others. Holds one page in memory."""
    for page in pages(read(bucket, f"{root}exports/{export}/manifest.json"), export):
        named = page["objects"]["page"]
        stored = read(bucket, root + named["key"])
        require(len(stored) == named["sizeBytes"], f"{named['key']} has {len(stored)} bytes")
        require(sha256(stored) == named["sha256"], f"{named['key']} has another SHA-256")
        lines = gzip.decompress(stored).split(b"\n")[:-1]
        require(len(lines) == page["counts"]["archived"], f"{named['key']} has {len(lines)} lines")
        yield from lines


def pages(stored, export):
    sealed = SEALED.fullmatch(stored)
    require(sealed and sha256(sealed[1] + b"}") == sealed[2].decode(), f"the manifest of {export} is damaged")
    manifest = json.loads(stored)
    require(manifest["formatVersion"] == 1, f"the manifest of {export} has another format version")
    require(manifest["exportId"] == export, f"the manifest of {export} is that of another export")
    require(manifest["status"] in COMPLETE, f"export {export} is not complete: {manifest['status']}")
    return [page for part in manifest["content"]["slices"] for page in part["pages"] if "objects" in page]


def load(export, lines):
    """The file appears with its last line or not at all; an export that was loaded before is skipped."""
    folder = Path(os.environ["FOLDER"])
    if not (folder / f"{export}.ndjson").exists():
        partial = folder / f"{export}.{os.getpid()}.partial"
        with partial.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
        partial.rename(folder / f"{export}.ndjson")


def read(bucket, key):
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def require(condition, otherwise):
    if not condition:
        raise ValueError(otherwise)


def main(queue, folder):
    os.environ["FOLDER"] = folder
    sqs, failed = boto3.client("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages"):
        records = [{"messageId": it["MessageId"], "body": it["Body"]} for it in messages]
        again = [it["itemIdentifier"] for it in handler({"Records": records}, None)["batchItemFailures"]]
        for message in (it for it in messages if it["MessageId"] not in again):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        failed += again
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
