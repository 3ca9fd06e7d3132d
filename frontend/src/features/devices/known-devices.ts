/** The devices of the site: their list, and those that are drawn unless their user says which. */
import { computed, type ReadonlySignal } from '@preact/signals';
import type { SiteClient } from '../../api/site-client';
import type { DeviceList } from '../../api/types';
import type { Loaded } from '../../app/resource';
import { DEFAULT_VISIBLE_DEVICES } from '../power-chart/chart-model';

export interface KnownDevices {
  /** In order of their ids. */
  ids: ReadonlySignal<readonly string[]>;
  /** Of more devices than can be drawn those that are; null of fewer. */
  firstOfMany: ReadonlySignal<readonly string[] | null>;
  /** Whether the list of this site was loaded. */
  isSettled: ReadonlySignal<boolean>;
}

const NONE: readonly string[] = [];

export async function loadDevices(
  client: SiteClient,
  site: string,
  signal: AbortSignal,
): Promise<DeviceList> {
  const list = await client.getDevices(site, signal);
  return list ?? { site_id: site, devices: [], complete: true };
}

export function createKnownDevices(
  site: ReadonlySignal<string | null>,
  loaded: ReadonlySignal<Loaded<{ site: string }, DeviceList> | null>,
): KnownDevices {
  const text = computed(() =>
    JSON.stringify(loaded.value?.data.devices.map(({ device_id }) => device_id) ?? NONE),
  );
  // Through its text: the list is loaded again and again, and its ids seldom change.
  const ids = computed<readonly string[]>(() => JSON.parse(text.value));
  return {
    ids,
    firstOfMany: computed(() =>
      ids.value.length > DEFAULT_VISIBLE_DEVICES ? ids.value.slice(0, DEFAULT_VISIBLE_DEVICES) : null,
    ),
    isSettled: computed(() => loaded.value?.wanted.site === site.value),
  };
}
