/** The readings of the range by page: only the rows in sight are loaded. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import type { SiteClient } from '../../api/site-client';
import type { SiteReadings } from '../../api/types';
import { createResource, type Resource } from '../../app/resource';
import type { Period } from '../../lib/period';
import type { TimeRange } from '../../lib/range';
import type { RowOrder } from '../../lib/url-state';
import { iso } from '../power-chart/load-chart';

export interface PageWanted {
  site: string;
  range: TimeRange;
  devices: readonly string[] | null;
  order: RowOrder;
  cursor: string | null;
  /** From 0 on. */
  number: number;
}

export interface PageState extends Resource<PageWanted, SiteReadings> {
  isFirst: ReadonlySignal<boolean>;
  hasNext: ReadonlySignal<boolean>;
  next(): void;
  previous(): void;
}

export interface PageSelection extends Omit<PageWanted, 'cursor' | 'number'> {
  period: Period;
  zone: string;
}

interface Dependencies {
  client: SiteClient;
  /** Null for nothing. */
  selection: ReadonlySignal<PageSelection | null>;
  isReadable: ReadonlySignal<boolean>;
  now(): number;
}

interface Pages {
  /** The selection that they are pages of. */
  of: string;
  range: TimeRange | null;
  cursors: string[];
}

export const PAGE_ROWS = 50;

export function createPageState({ client, selection, isReadable, now }: Dependencies): PageState {
  /** Of the pages after the first one, up to the present one; their range stands still while now goes on. */
  const pages = signal<Pages>({ of: '', range: null, cursors: [] });
  const key = computed(() => JSON.stringify({ ...selection.value, range: null }));
  const cursors = computed(() => (pages.value.of === key.value ? pages.value.cursors : []));
  const wanted = computed<PageWanted | null>(() => {
    if (selection.value === null) return null;
    const { site, range, devices, order } = selection.value;
    const cursor = cursors.value.at(-1) ?? null;
    const held = cursor === null ? null : pages.value.range;
    return { site, range: held ?? range, devices, order, cursor, number: cursors.value.length };
  });
  const load = async ({ site, range, devices, order, cursor }: PageWanted, abort: AbortSignal) => {
    if (devices?.length === 0) return { site_id: site, readings: [] };
    const span = { start: iso(range.from), end: iso(range.to) };
    const by = order === 'newest' ? ('desc' as const) : ('asc' as const);
    return client.getPage({ site, ...span, devices, order: by, limit: PAGE_ROWS, cursor }, abort);
  };
  const resource = createResource({ wanted, load, isReadable, now });
  const next = computed(() => {
    const { value } = resource.loaded;
    return value !== null && JSON.stringify(value.wanted) === JSON.stringify(wanted.value)
      ? (value.data.next_cursor ?? null)
      : null;
  });
  const goTo = (list: string[]) => {
    pages.value = { of: key.peek(), range: wanted.peek()?.range ?? null, cursors: list };
  };
  return {
    ...resource,
    isFirst: computed(() => cursors.value.length === 0),
    hasNext: computed(() => next.value !== null),
    next() {
      const cursor = next.peek();
      if (cursor !== null) goTo([...cursors.peek(), cursor]);
    },
    previous: () => goTo(cursors.peek().slice(0, -1)),
  };
}
