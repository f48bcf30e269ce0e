// A tour of the simulated organisation with the official JavaScript SDK: what a client sees, step by step.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import genesys from "purecloud-platform-client-v2";

const [organisation, restricted, limited] = process.argv.slice(2).map((argument) => JSON.parse(argument));
const client = genesys.ApiClient.instance;
const analytics = new genesys.AnalyticsApi();

await aWrongSecretIsAnError();
await login(organisation);
const queried = await query();
const job = await submitAndWait();
await readTheJob(job);
await detailsById();
await limitsAndRetention();
await aDeletedJobIsA404(job);
await channelsAndSubscriptions();
await login(restricted);
await aMissingPermissionIsA403();
await aMissingDivisionIsSilence();
await login(limited);
await retryAfterIsWaitedOut();

// The gateway setting is for login and API alike.
function login({ url, clientId, clientSecret }) {
  const { protocol, hostname, port } = new URL(url);
  client.setGateway({ protocol: protocol.replace(":", ""), host: hostname, port: Number(port) });
  return client.loginClientCredentialsGrant(clientId, clientSecret);
}

async function aWrongSecretIsAnError() {
  const error = await refusal(login({ ...organisation, clientSecret: "a wrong one" }));
  assert.equal(error.response.status, 400);
  assert.equal(error.response.data.error, "invalid_client");
}

// Page after page. The page past the end has no conversations at all.
async function query() {
  const found = [];
  for (let pageNumber = 1; ; pageNumber += 1) {
    const paging = { pageSize: 50, pageNumber };
    const page = await analytics.postAnalyticsConversationsDetailsQuery({ interval: organisation.interval, paging });
    if (page.conversations === undefined) {
      assert.equal(page.totalHits, organisation.conversations);
      break;
    }
    found.push(...page.conversations);
  }
  assert.equal(found.length, organisation.conversations);
  return distinct(found);
}

async function submitAndWait() {
  const { dataAvailabilityDate } = await analytics.getAnalyticsConversationsDetailsJobsAvailability();
  const [, end] = organisation.interval.split("/");
  // A job past this date would be silently partial.
  assert.ok(new Date(dataAvailabilityDate) >= new Date(end));

  const { jobId } = await analytics.postAnalyticsConversationsDetailsJobs({ interval: organisation.interval });
  for (let state; state !== "FULFILLED"; ) {
    await sleep(250);
    ({ state } = await analytics.getAnalyticsConversationsDetailsJob(jobId));
    assert.ok(["QUEUED", "PENDING", "FULFILLED"].includes(state), state);
  }
  return jobId;
}

// Cursor after cursor, to the page that has none.
async function readTheJob(jobId) {
  const found = [];
  const cursors = [];
  let cursor;
  do {
    const page = await analytics.getAnalyticsConversationsDetailsJobResults(jobId, { cursor, pageSize: 20 });
    found.push(...(page.conversations ?? []));
    ({ cursor } = page);
    if (cursor) cursors.push(cursor);
  } while (cursor);
  // The SDK has percent-encoded what would otherwise mean something else.
  assert.ok(cursors.length > 5);
  for (const mark of "+/=") assert.ok(cursors.every((it) => it.includes(mark)), mark);
  // A job also holds what began on an earlier day and was active in the interval.
  const ids = distinct(found);
  assert.ok(ids.size > queried.size && [...queried].every((id) => ids.has(id)));
  // Only a job knows the participants' attributes.
  assert.ok(found.some((it) => it.participants.some(({ attributes }) => attributes)));
}

async function detailsById() {
  const [first, second] = queried;
  const one = await analytics.getAnalyticsConversationDetails(first);
  assert.equal(one.conversationId, first);
  const both = await analytics.getAnalyticsConversationsDetails({ id: [first, second] });
  assert.deepEqual([...distinct(both.conversations)], [first, second]);
}

async function limitsAndRetention() {
  const organization = new genesys.OrganizationApi();
  const { entities } = await organization.getOrganizationsLimitsNamespaceDefaults("platform.api");
  const limit = entities.find(({ key }) => key === "client.credentials.token.rate.per.minute");
  assert.equal(limit.value, 300);
  const { namespaces } = await organization.getOrganizationsLimitsDocs();
  assert.ok(namespaces.some(({ name }) => name === "platform.api"));
  const { retentionDays } = await analytics.getAnalyticsDataretentionSettings();
  assert.ok(retentionDays > 0);
}

async function aDeletedJobIsA404(jobId) {
  await analytics.deleteAnalyticsConversationsDetailsJob(jobId);
  client.setReturnExtendedResponses(true);
  const { status, headers, body } = await refusal(analytics.getAnalyticsConversationsDetailsJob(jobId));
  client.setReturnExtendedResponses(false);
  assert.deepEqual([status, body.status, body.code], [404, 404, "not.found"]);
  assert.equal(body.contextId, headers["inin-correlation-id"]);
}

async function channelsAndSubscriptions() {
  const notifications = new genesys.NotificationsApi();
  const { id, connectUri } = await notifications.postNotificationsChannels();
  assert.ok(connectUri.endsWith(`/channels/${id}`));
  const { entities } = await notifications.getNotificationsChannels({ includechannels: "token" });
  assert.ok(entities.some((it) => it.id === id));
  await notifications.headNotificationsChannel(id);

  const topic = "v2.users.one.conversations.messages";
  const options = { ignoreErrors: true };
  const replaced = await notifications.putNotificationsChannelSubscriptions(id, [{ id: topic }], options);
  assert.deepEqual(replaced.entities.map((it) => [it.id, it.state]), [[topic, "Permitted"]]);
  const refused = await refusal(notifications.postNotificationsChannelSubscriptions(id, [{ id: "nothing" }]));
  assert.equal(refused.code, "notification.invalid.topic");
  const { entities: topics } = await notifications.getNotificationsAvailabletopics({ expand: ["requiresPermissions"] });
  assert.ok(topics.every((it) => it.requiresPermissions.length > 0));
  await notifications.deleteNotificationsChannelSubscriptions(id);
}

async function aMissingPermissionIsA403() {
  // Without extended responses, what is thrown is the body.
  const body = await refusal(analytics.getAnalyticsDataretentionSettings());
  assert.deepEqual([body.status, body.code], [403, "missing.any.permissions"]);
  assert.match(body.message, /analytics:dataRetention:view/);
  assert.ok(body.contextId);
}

async function aMissingDivisionIsSilence() {
  const { totalHits } = await analytics.postAnalyticsConversationsDetailsQuery({ interval: organisation.interval });
  assert.ok(0 < totalHits && totalHits < queried.size, `${totalHits}`);
}

// This SDK does not repeat a request: it hands out Retry-After, and who waits so long is served.
async function retryAfterIsWaitedOut() {
  client.setReturnExtendedResponses(true);
  const ask = () => analytics.getAnalyticsConversationsDetailsJobsAvailability();
  const throttled = await firstRefusalOf(ask);
  assert.deepEqual([throttled.status, throttled.body.code], [429, "too.many.requests.retry.after"]);
  assert.equal(throttled.body.limit.key, "client.credentials.token.rate.per.minute");
  const seconds = Number(throttled.headers["retry-after"]);
  assert.ok(1 <= seconds && seconds <= 5, `${seconds}`);
  const throttledAt = performance.now();
  await sleep(seconds * 1000);
  const served = await ask();
  assert.equal(served.status, 200);
  // Timers may be early by a millisecond.
  assert.ok(performance.now() - throttledAt >= seconds * 1000 - 2, "it was waited out");
  assert.ok(Number(served.headers["inin-ratelimit-count"]) < Number(served.headers["inin-ratelimit-allowed"]));
  client.setReturnExtendedResponses(false);
}

async function firstRefusalOf(ask) {
  for (let number = 0; number < 1000; number += 1) {
    const answer = await ask().catch((error) => error);
    if (answer.status !== 200) return answer;
  }
  return assert.fail("no request met the rate limit");
}

function refusal(promise) {
  return promise.then(() => assert.fail("a refusal was expected"), (error) => error);
}

function distinct(conversations) {
  const ids = new Set(conversations.map(({ conversationId }) => conversationId));
  assert.equal(ids.size, conversations.length, "an id came twice");
  return ids;
}
