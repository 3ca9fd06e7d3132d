import type { Client } from '../../api/client';
import type { NewReading } from '../../api/types';

/** The newest of one instant come first: this many others sent at once do not hide a reading. */
const LIMIT = 100;
const SECOND_MS = 1000;

/** Whether an accepted reading is stored, asked of its own second and device only. */
export async function isStored(
  client: Pick<Client, 'getReadings'>,
  { site_id: site, device_id: device, timestamp = '' }: NewReading,
  streamId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const start = Date.parse(timestamp);
  const range = { start: new Date(start).toISOString(), end: new Date(start + SECOND_MS).toISOString() };
  const { readings } = await client.getReadings({ site, device, ...range, limit: LIMIT }, signal);
  return readings.some(({ stream_id }) => stream_id === streamId);
}
