/**
 * Calls every operation of both services with clients of the types that openapi-typescript makes. What the
 * documents do not have does not compile; what does not happen as documented throws. Prints what was called.
 */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import createClient, { type Middleware } from 'openapi-fetch';
import type { components as ingestionTypes, paths as IngestionPaths } from './ingestion-api.js';
import type { components as processingTypes, paths as ProcessingPaths } from './processing-service.js';

type Answers = processingTypes['schemas'];
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// Null where null is sent, and nothing that may be missing but is not.
const nullable: [
  Same<Answers['PipelineStream']['max_length'], number | null>,
  Same<Answers['PipelineStream']['first_id'], string | null>,
  Same<Answers['PipelineGroup']['oldest_pending_ms'], number | null>,
  Same<Answers['PipelineRates']['stored_1m'], number | null>,
  Same<Answers['ProcessingHealth']['consumer_group_status'], Answers['ConsumerGroup'] | null>,
  Same<Answers['Sites']['next_after'], string | undefined>,
  Same<Answers['Site']['first'], string | null>,
] = [true, true, true, true, true, true, true];
assert(nullable.every(Boolean));

const called = new Set<string>();
const remember: Middleware = {
  onRequest: ({ request, schemaPath }) => {
    called.add(`${request.method.toLowerCase()} ${schemaPath}`);
  },
};

const [ingestionUrl, processingUrl] = process.argv.slice(2);
const ingestion = createClient<IngestionPaths>({ baseUrl: ingestionUrl });
const processing = createClient<ProcessingPaths>({ baseUrl: processingUrl });
ingestion.use(remember);
processing.use(remember);

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    assert(Date.now() < deadline, `not in time: ${what}`);
    await setTimeout(20);
  }
}

function taken<T>(answer: { data?: T; error?: unknown }): T {
  assert(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

const reading: ingestionTypes['schemas']['EnergyReading'] = {
  site_id: 'a/b',
  device_id: 'meter',
  power_reading: 1500.5,
  timestamp: '2024-01-15T10:30:00Z',
};

async function takeReadings() {
  assert.equal(taken(await ingestion.GET('/livez')).status, 'alive');
  assert.equal(taken(await ingestion.GET('/readyz')).status, 'ready');
  assert.equal(taken(await ingestion.GET('/health')).status, 'healthy');
  const accepted = taken(await ingestion.POST('/readings', { body: reading, params: { header: { 'Idempotency-Key': 'k' } } }));
  assert.equal(accepted.status, 'accepted');
  const refused = await ingestion.POST('/readings', { body: { ...reading, power_reading: -1 } });
  assert(refused.error && typeof refused.error.detail !== 'string');
  assert.deepEqual(refused.error.detail[0]?.loc, ['body', 'power_reading']);
  const none = await ingestion.POST('/readings/batch', { body: { readings: [{ ...reading, power_reading: -1 }] } });
  assert(none.response.status === 422 && none.error && 'accepted' in none.error && 'errors' in none.error);
  assert.deepEqual(none.error.errors[0]?.detail[0]?.loc, ['body', 'power_reading']);
  // An empty message, as a block of snappy.
  const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy' };
  const write = await ingestion.POST('/api/v1/write', { body: '', bodySerializer: () => new Uint8Array([0]), headers });
  assert.equal(write.response.status, 204);
  await writeLines();
  const figures = taken(await ingestion.GET('/metrics'));
  assert(typeof figures === 'object' && 'stream' in figures && figures.stream.length === 4);
}

/** As clients of InfluxDB do; a line without a power is counted, and not stored. */
async function writeLines() {
  const lines = { body: 'room temperature=21.5', bodySerializer: String, headers: { 'Content-Type': 'text/plain' } };
  const second = await ingestion.POST('/api/v2/write', { ...lines, params: { query: { bucket: 'a/b' } } });
  const first = await ingestion.POST('/write', { ...lines, params: { query: { db: 'a/b' } } });
  const ping = await ingestion.GET('/ping');
  assert.deepEqual([second.response.status, first.response.status, ping.response.status], [204, 204, 204]);
  const created = taken(await ingestion.POST('/query', { params: { query: { q: 'CREATE DATABASE home' } } }));
  const shown = taken(await ingestion.GET('/query', { params: { query: { q: 'SHOW DATABASES', db: 'home' } } }));
  assert.deepEqual([created.results.length, shown.results.length], [1, 1]);
}

async function readThemBack() {
  const site = { params: { path: { site_id: reading.site_id } } };
  const stored = await until('the reading is stored', async () => {
    const body = taken(await processing.GET('/sites/{site_id}/readings', site));
    assert(typeof body === 'object', 'JSON unless `format` asks for a text');
    return body.readings[0];
  });
  assert.equal(stored.power_reading, reading.power_reading);
  const day = { start: '2024-01-15', end: '2024-01-16' };
  const query = { ...day, interval: '1h' as const };
  const [series] = taken(await processing.GET('/sites/{site_id}/aggregates', { params: { ...site.params, query } })).series;
  assert.deepEqual([series?.buckets[0]?.max, series?.buckets[0]?.energy_kwh], [reading.power_reading, null]);
  const energy = taken(await processing.GET('/sites/{site_id}/energy', { params: { ...site.params, query: day } }));
  assert.deepEqual([energy.devices[0]?.count, energy.devices[0]?.coverage], [1, 0]);
  const { sites } = taken(await processing.GET('/sites'));
  assert.equal(taken(await processing.GET('/sites/{site_id}', site)).devices, 1);
  const { devices, complete } = taken(await processing.GET('/sites/{site_id}/devices', site));
  assert.deepEqual([devices.map(({ device_id }) => device_id), complete], [[reading.device_id], true]);
  const latest = taken(await processing.GET('/sites/{site_id}/latest', site)).readings[0];
  assert.equal(latest?.stream_id, stored.stream_id);
  assert.deepEqual(sites.map(({ site_id, readings }) => [site_id, readings]), [[reading.site_id, 1]]);
}

async function followTheSite() {
  const site = { params: { path: { site_id: reading.site_id }, query: { last_event_id: '0-0' } } };
  const leaving = new AbortController();
  const stream = taken(await processing.GET('/sites/{site_id}/events', { ...site, parseAs: 'stream', signal: leaving.signal }));
  let text = '';
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    if (/^data: .*\n\n/m.test(text)) {
      break;
    }
  }
  leaving.abort();
  assert.match(text, /^id: \d+-\d+\nevent: reading\ndata: .*"power_reading": 1500\.5/m);
}

async function seeHowItIs() {
  assert.equal(taken(await processing.GET('/livez')).status, 'alive');
  assert.equal(taken(await processing.GET('/readyz')).status, 'ready');
  assert.equal(taken(await processing.GET('/health')).consumer_group_status?.name, 'processing_group');
  assert.equal(taken(await processing.GET('/pipeline')).dead_letters, 3);
  const names = await until('the counts are reported', async () => {
    const { receivers } = taken(await processing.GET('/pipeline/receivers'));
    return receivers.length > 0 ? receivers.map(({ name }) => name) : undefined;
  });
  assert(names.includes('readings'));
  const figures = taken(await processing.GET('/metrics'));
  assert(typeof figures === 'object' && 'consumer_groups' in figures && figures.consumer_groups.length === 1);
  const text = await processing.GET('/metrics', { headers: { Accept: 'text/plain' }, parseAs: 'text' });
  assert.match(String(taken(text)), /^energy_pipeline_readings_stored_total 1$/m);
}

async function decideOnDeadLetters() {
  const page = taken(await processing.GET('/pipeline/dead-letters', { params: { query: { limit: 2 } } }));
  const [retried, deleted] = page.dead_letters.map((letter) => ({ params: { path: { id: letter.id } } }));
  assert(retried && deleted && page.next_cursor);
  assert(taken(await processing.POST('/pipeline/dead-letters/{id}/retry', retried)).stream_id);
  assert.equal((await processing.DELETE('/pipeline/dead-letters/{id}', deleted)).response.status, 204);
  const gone = await processing.DELETE('/pipeline/dead-letters/{id}', deleted);
  assert.equal(gone.error?.detail, 'Dead letter not found');
}

async function deleteThem() {
  const path = { site_id: reading.site_id };
  const stored = taken(await processing.GET('/sites/{site_id}/latest', { params: { path } })).readings[0];
  assert(stored);
  const query = { start: '2024-01-14', end: '2024-01-15' };
  assert.equal(taken(await processing.DELETE('/sites/{site_id}/readings', { params: { path, query } })).deleted, 0);
  const one = { params: { path: { ...path, stream_id: stored.stream_id } } };
  const statuses = [];
  for (let times = 0; times < 2; times++) {
    statuses.push((await processing.DELETE('/sites/{site_id}/readings/{stream_id}', one)).response.status);
  }
  assert.deepEqual(statuses, [204, 404]);
}

await until('there are dead letters', async () => taken(await processing.GET('/pipeline')).dead_letters === 3 || undefined);
await takeReadings();
await readThemBack();
await followTheSite();
await seeHowItIs();
await decideOnDeadLetters();
await deleteThem();
console.log(JSON.stringify([...called].sort()));
