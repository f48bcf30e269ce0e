"""A tour of the simulated organisation with the official Python SDK: what a client sees, step by step."""

import http.client
import io
import json
import re
import sys
import time
from contextlib import contextmanager, redirect_stdout

import PureCloudPlatformClientV2 as genesys
from PureCloudPlatformClientV2.rest import ApiException


def main():
    organisation, restricted, limited = (json.loads(argument) for argument in sys.argv[1:4])
    a_wrong_secret_is_an_error(organisation)
    client = login(organisation)
    analytics = genesys.AnalyticsApi(client)

    queried = query(analytics, organisation)
    job = submit_and_wait(analytics, organisation)
    read_the_job(analytics, job, queried)
    details_by_id(analytics, queried)
    limits_and_retention(client, analytics)
    a_deleted_job_is_a_404(client, analytics, job)
    channels_and_subscriptions(genesys.NotificationsApi(client))
    a_rejected_topic_names_its_permission(genesys.NotificationsApi(login(restricted)))
    a_missing_permission_is_a_403(login(restricted))
    a_missing_division_is_silence(login(restricted), organisation, queried)
    retry_after_is_waited_out(login(limited))


def login(organisation, secret=None):
    # The SDK derives the login host from the API's; an address that does not begin with "api." is both.
    client = genesys.api_client.ApiClient(host=organisation["url"])
    return client.get_client_credentials_token(organisation["clientId"], secret or organisation["clientSecret"])


def a_wrong_secret_is_an_error(organisation):
    with refused(400) as refusal:
        login(organisation, secret="a wrong one")
    assert refusal.body["error"] == "invalid_client", refusal.body


def query(analytics, organisation):
    """Page after page. The page past the end has no conversations at all."""
    found, number = [], 1
    while True:
        body = genesys.ConversationQuery()
        body.interval = organisation["interval"]
        body.paging = genesys.PagingSpec()
        body.paging.page_size, body.paging.page_number = 50, number
        page = analytics.post_analytics_conversations_details_query(body)
        assert isinstance(page, genesys.AnalyticsConversationQueryResponse)
        if page.conversations is None:
            break
        found += page.conversations
        number += 1
    assert page.total_hits == len(found) == organisation["conversations"]
    assert all(isinstance(it, genesys.AnalyticsConversationWithoutAttributes) for it in found)
    assert all(it.conversation_start.tzinfo and it.participants[0].sessions[0].media_type for it in found)
    return distinct(it.conversation_id for it in found)


def submit_and_wait(analytics, organisation):
    available = analytics.get_analytics_conversations_details_jobs_availability()
    _, end = organisation["interval"].split("/")
    # A job past this date would be silently partial.
    assert available.data_availability_date.isoformat() >= end.removesuffix("Z")

    body = genesys.AsyncConversationQuery()
    body.interval = organisation["interval"]
    job = analytics.post_analytics_conversations_details_jobs(body).job_id
    states = []
    while "FULFILLED" not in states:
        assert set(states) <= {"QUEUED", "PENDING"}, states
        time.sleep(0.25)
        states.append(analytics.get_analytics_conversations_details_job(job).state)
    return job


def read_the_job(analytics, job, queried):
    """Cursor after cursor, to the page that has none."""
    found, cursors, options = [], [], {}
    while True:
        page = analytics.get_analytics_conversations_details_job_results(job, page_size=20, **options)
        found += page.conversations or []
        if page.cursor is None:
            break
        cursors.append(page.cursor)
        options = {"cursor": page.cursor}
    # The SDK has percent-encoded what would otherwise mean something else.
    assert len(cursors) > 5 and all({"+", "/", "="} <= set(cursor) for cursor in cursors), cursors
    ids = distinct(it.conversation_id for it in found)
    # A job also holds what began on an earlier day and was active in the interval.
    assert ids > queried
    attributes = [it.attributes for conversation in found for it in conversation.participants if it.attributes]
    assert attributes, "only a job knows the participants' attributes"


def details_by_id(analytics, queried):
    first, second = sorted(queried)[:2]
    assert analytics.get_analytics_conversation_details(first).conversation_id == first
    both = analytics.get_analytics_conversations_details(id=[first, second])
    assert [it.conversation_id for it in both.conversations] == [first, second]


def limits_and_retention(client, analytics):
    organization = genesys.OrganizationApi(client)
    defaults = organization.get_organizations_limits_namespace_defaults("platform.api").entities
    values = {limit.key: limit.value for limit in defaults}
    assert values["client.credentials.token.rate.per.minute"] == 300, values
    names = [it.name for it in organization.get_organizations_limits_docs().namespaces]
    assert "platform.api" in names, names
    assert analytics.get_analytics_dataretention_settings().retention_days > 0


def a_deleted_job_is_a_404(client, analytics, job):
    analytics.delete_analytics_conversations_details_job(job)
    with refused(404) as refusal:
        analytics.get_analytics_conversations_details_job(job)
    assert refusal.body["code"] == "not.found", refusal.body
    assert refusal.body["contextId"] == refusal.headers["ININ-Correlation-Id"]


def channels_and_subscriptions(notifications):
    channel = notifications.post_notifications_channels()
    assert channel.connect_uri.endswith(f"/channels/{channel.id}") and channel.expires.tzinfo
    listed = notifications.get_notifications_channels(includechannels="oauthclient").entities
    assert channel.id in [it.id for it in listed]
    notifications.head_notifications_channel(channel.id)
    # A response to HEAD has no body.
    with refused(404):
        notifications.head_notifications_channel("another")

    topics = notifications.get_notifications_availabletopics(expand=["description", "requiresPermissions"]).entities
    assert all(it.description and it.requires_permissions for it in topics)
    first, second = (it.id.replace("{id}", "one") for it in topics[:2])
    notifications.put_notifications_channel_subscriptions(channel.id, [topic(first)])
    added = notifications.post_notifications_channel_subscriptions(channel.id, [topic(second)]).entities
    assert [(it.id, it.state) for it in added] == [(second, "Permitted")]
    assert [it.id for it in notifications.get_notifications_channel_subscriptions(channel.id).entities] == [first, second]
    notifications.delete_notifications_channel_subscriptions(channel.id)
    assert not notifications.get_notifications_channel_subscriptions(channel.id).entities


def a_rejected_topic_names_its_permission(notifications):
    channel = notifications.post_notifications_channels()
    topics = [topic("v2.users.one.presence")]
    with refused(403):
        notifications.put_notifications_channel_subscriptions(channel.id, topics)
    rejected = notifications.put_notifications_channel_subscriptions(channel.id, topics, ignore_errors=True).entities
    assert (rejected[0].state, rejected[0].missing_permissions) == ("Rejected", ["presence:presence:view"])
    assert rejected[0].rejection_reason


def topic(name):
    topic = genesys.ChannelTopic()
    topic.id = name
    return topic


def a_missing_permission_is_a_403(client):
    with refused(403) as refusal:
        genesys.AnalyticsApi(client).get_analytics_dataretention_settings()
    assert refusal.body["code"] == "missing.any.permissions", refusal.body
    assert "analytics:dataRetention:view" in refusal.body["message"]
    assert refusal.body["contextId"]


def a_missing_division_is_silence(client, organisation, queried):
    body = genesys.ConversationQuery()
    body.interval = organisation["interval"]
    fewer = genesys.AnalyticsApi(client).post_analytics_conversations_details_query(body)
    assert 0 < fewer.total_hits < len(queried)


def retry_after_is_waited_out(client):
    """This SDK does so by itself: every call succeeds, and only the headers of the answers in between tell."""
    analytics = genesys.AnalyticsApi(client)
    for _ in range(10):
        began = time.monotonic()
        headers = headers_during(analytics.get_analytics_conversations_details_jobs_availability)
        took = time.monotonic() - began
        asked = [int(seconds) for seconds in re.findall(r"(?im)^header: retry-after: (\d+)$", headers)]
        if asked:
            assert all(1 <= seconds <= 5 for seconds in asked), asked
            assert took >= sum(asked), (took, asked)
            return
    raise AssertionError("no request met the rate limit")


def headers_during(call):
    """What Python's own HTTP client tells of every answer, the repeated ones included. It holds the token, so it is not shown."""
    told = io.StringIO()
    http.client.HTTPConnection.debuglevel = 1
    try:
        with redirect_stdout(told):
            call()
    finally:
        http.client.HTTPConnection.debuglevel = 0
    return told.getvalue()


class Refusal:
    """What the SDK's error says."""

    body = headers = None


@contextmanager
def refused(status):
    refusal = Refusal()
    try:
        yield refusal
    except ApiException as error:
        assert error.status == status, error
        refusal.body, refusal.headers = json.loads(error.body or "null"), error.headers
    else:
        raise AssertionError(f"{status} was expected")


def distinct(ids):
    ids = list(ids)
    assert len(set(ids)) == len(ids), "an id came twice"
    return set(ids)


main()
