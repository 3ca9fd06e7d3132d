/** The order of the rows of the devices. */
import type { Device } from '../../api/types';
import { parseInstant } from '../../lib/instant';

export type DeviceColumn = 'device' | 'power' | 'seen' | 'interval' | 'readings' | 'status';

export interface Sorting {
  column: DeviceColumn;
  isDescending: boolean;
}

/** What is worst comes last, so that it is first when the order is turned. */
const STATUSES: Device['status'][] = ['fresh', 'late', 'stale', 'offline', 'ahead', 'empty'];

type Value = string | number | null;

const VALUES: Record<DeviceColumn, (device: Device) => Value> = {
  device: ({ device_id }) => device_id,
  power: ({ last_power_reading }) => last_power_reading,
  seen: ({ last }) => (last === null ? null : parseInstant(last)),
  interval: ({ interval_s }) => interval_s,
  readings: ({ readings }) => readings,
  status: ({ status }) => STATUSES.indexOf(status),
};

/** Devices without a value come last in either order. */
export function sorted(
  devices: readonly Device[],
  { column, isDescending }: Sorting,
  locale: string,
): Device[] {
  const read = VALUES[column];
  // As people count: circuit 2 before circuit 10.
  const texts = new Intl.Collator(locale, { numeric: true });
  const compare = (a: Value, b: Value) => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = typeof a === 'string' ? texts.compare(a, String(b)) : a - Number(b);
    return isDescending ? -order : order;
  };
  return [...devices].sort((a, b) => compare(read(a), read(b)) || texts.compare(a.device_id, b.device_id));
}
