"""What the tests ask of the emulator through services that the product has no client for. Answers are JSON.

    aws.py ENDPOINT REGION rule BUCKET       a queue that EventBridge tells of every page record in the bucket
    aws.py ENDPOINT REGION topic             a topic, and a queue that gets what it is told of transcripts
    aws.py ENDPOINT REGION invoke NAME JSON  calls a function and waits for its answer
    aws.py ENDPOINT REGION logs NAME         the lines that a function wrote as JSON
    aws.py ENDPOINT REGION stack NAME TEMPLATE JSON  deploys a template with parameters, and answers with its outputs
    aws.py ENDPOINT REGION fires STACK EVENT KEY...  for which keys the rule of a stack matches the event
"""

import json
import sys
from pathlib import Path

import boto3


def main(endpoint, region, command, *arguments):
    def client(service):
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=endpoint, region_name=region, **credentials)

    commands = {"rule": rule, "topic": topic, "invoke": invoke, "logs": logs, "stack": stack, "fires": fires}
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


def stack(client, name, template, parameters):
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in json.loads(parameters).items()]
    cloudformation, template = client("cloudformation"), Path(template).read_text(encoding="utf-8")
    capabilities = ["CAPABILITY_IAM"]
    cloudformation.create_stack(StackName=name, TemplateBody=template, Parameters=parameters, Capabilities=capabilities)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def fires(client, name, event, *keys):
    events = client("events")
    resource = {"StackName": name, "LogicalResourceId": "ManifestRule"}
    rule = client("cloudformation").describe_stack_resource(**resource)["StackResourceDetail"]["PhysicalResourceId"]
    pattern = events.describe_rule(Name=rule)["EventPattern"]

    def matches(key):
        changed = json.loads(event)
        changed["detail"]["object"]["key"] = key
        return events.test_event_pattern(EventPattern=pattern, Event=json.dumps(changed))["Result"]

    return [matches(key) for key in keys]


if __name__ == "__main__":
    main(*sys.argv[1:])
