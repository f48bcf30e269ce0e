"""What the tests ask of the emulator through services that the product has no client for. Answers are JSON.

    aws.py ENDPOINT REGION rule BUCKET       a queue that EventBridge tells of every page record in the bucket
    aws.py ENDPOINT REGION topic             a topic, and a queue that gets what it is told of transcripts
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

    commands = {"rule": rule, "topic": topic, "invoke": invoke, "logs": logs}
    json.dump(commands[command](client, *arguments), sys.stdout)


def new_queue(client, name):
    queue = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    told = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return queue, told["Attributes"]["QueueArn"]


def rule(client, bucket):
    queue, arn = new_queue(client, "page-records")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"suffix": ".record.json"}]}},
    }
    events = client("events")
    events.put_rule(Name="page-records", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="page-records", Targets=[{"Id": "queue", "Arn": arn}])
    return queue


def topic(client):
    queue, arn = new_queue(client, "transcripts")
    topic = client("sns").create_topic(Name="transcripts")["TopicArn"]
    wanted = {"event": ["transcript.archived"], "exportId": ["hashed-transcripts"]}
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(wanted)}
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return {"topic": topic, "queue": queue}


def invoke(client, name, payload):
    reply = client("lambda").invoke(FunctionName=name, Payload=payload.encode())
    return {"error": reply.get("FunctionError"), "answer": json.load(reply["Payload"])}


def logs(client, name):
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    messages = (event["message"].strip() for page in pages for event in page["events"])
    return [json.loads(message) for message in messages if message.startswith("{")]


if __name__ == "__main__":
    main(*sys.argv[1:])
