"""What the tests ask of the emulator through services that the product has no client for. Answers are JSON.

    aws.py ENDPOINT REGION rule BUCKET       a queue that EventBridge tells of every page record in the bucket
    aws.py ENDPOINT REGION invoke NAME JSON  calls a function and waits for its answer
    aws.py ENDPOINT REGION logs NAME         the lines that a function wrote as JSON
"""

import json
import sys

import boto3


def main(endpoint, region, command, *arguments):
    def client(service):
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=endpoint, region_name=region, **credentials)

    commands = {"rule": rule, "invoke": invoke, "logs": logs}
    json.dump(commands[command](client, *arguments), sys.stdout)


def rule(client, bucket):
    queue = client("sqs").create_queue(QueueName="page-records")["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"suffix": ".record.json"}]}},
    }
    events = client("events")
    events.put_rule(Name="page-records", EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule="page-records", Targets=[target])
    return queue


def invoke(client, name, payload):
    reply = client("lambda").invoke(FunctionName=name, Payload=payload.encode())
    return {"error": reply.get("FunctionError"), "answer": json.load(reply["Payload"])}


def logs(client, name):
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    messages = (event["message"].strip() for page in pages for event in page["events"])
    return [json.loads(message) for message in messages if message.startswith("{")]


if __name__ == "__main__":
    main(*sys.argv[1:])
