/** Calls both services without a key, with one that reads and with one that writes; throws if a response is not as documented. */
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths as IngestionPaths } from './ingestion-api.js';
import type { paths as ProcessingPaths } from './processing-service.js';

const [ingestionUrl, processingUrl, reader, writer] = process.argv.slice(2);

const bearer = (key?: string) => (key === undefined ? {} : { headers: { Authorization: `Bearer ${key}` } });
const ingestion = (key?: string) => createClient<IngestionPaths>({ baseUrl: ingestionUrl, ...bearer(key) });
const processing = (key?: string) => createClient<ProcessingPaths>({ baseUrl: processingUrl, ...bearer(key) });

const body: components['schemas']['EnergyReading'] = {
  site_id: 'house-01',
  device_id: 'meter',
  power_reading: 1500.5,
  timestamp: '2024-01-15T10:30:00Z',
};

const missing = await processing().GET('/sites');
assert.deepEqual([missing.response.status, missing.error?.code], [401, 'api_key_missing']);
assert.equal((await processing('enp_unknown_key').GET('/sites')).error?.code, 'api_key_invalid');
assert.deepEqual((await processing(reader).GET('/sites')).data?.sites, []);

const lacking = await ingestion(reader).POST('/readings', { body });
assert.deepEqual([lacking.response.status, lacking.error?.code], [403, 'scope_missing']);
assert.equal((await ingestion(writer).POST('/readings', { body })).data?.status, 'accepted');
