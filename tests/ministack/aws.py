"""What the tests ask of the emulator through services that the product has no client for. Answers are JSON.

    aws.py ENDPOINT REGION rule BUCKET       a queue that EventBridge tells of every page record in the bucket
    aws.py ENDPOINT REGION topic             a topic, and a queue that gets what it is told of transcripts
    aws.py ENDPOINT REGION bus NAME          creates an event bus
    aws.py ENDPOINT REGION put               puts each line of the standard input, a list of entries, on their event buses,
                                             and prints a line with the number of those that were refused
    aws.py ENDPOINT REGION mapping NAME on|off  enables or disables the event source mappings of a function
    aws.py ENDPOINT REGION invoke NAME JSON  calls a function and waits for its answer; @FILE reads the JSON from a file
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

    commands = {
        "rule": rule, "topic": topic, "bus": bus, "put": put, "mapping": mapping, "invoke": invoke, "logs": logs,
        "stack": stack, "fires": fires,
    }
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


def bus(client, name):
    return client("events").create_event_bus(Name=name)["EventBusArn"]


def put(client):
    events = client("events")
    for line in sys.stdin:
        print(events.put_events(Entries=json.loads(line))["FailedEntryCount"], flush=True)


def mapping(client, name, state):
    functions = client("lambda")
    mappings = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    for found in mappings:
        functions.update_event_source_mapping(UUID=found["UUID"], Enabled=state == "on")
    return len(mappings)


def invoke(client, name, payload):
    if payload.startswith("@"):
        payload = Path(payload[1:]).read_text(encoding="utf-8")
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
