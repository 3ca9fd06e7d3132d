/** Everything that is loaded about the picked site, and when it is loaded again. */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { RequestFailure } from '../../api/request-failure';
import type { SiteClient } from '../../api/site-client';
import type { Clock } from '../../app/clock';
import type { Environment, Stop } from '../../app/environment';
import { createResource } from '../../app/resource';
import type { ViewState } from '../../app/view-state';
import { barUnit } from '../energy-bars/bar-units';
import { type BarsWanted, loadBars } from '../energy-bars/load-bars';
import { type FiguresWanted, loadFigures } from '../figures/load-figures';
import { createLiveState } from '../live/live-state';
import { type ChartWanted, loadChart } from '../power-chart/load-chart';
import { createRangeState } from '../range-bar/range-state';
import { createPageState, type PageSelection } from '../readings-table/page-state';
import { loadExtent } from './extent';

export type SiteState = ReturnType<typeof createSiteState>;

interface Dependencies {
  client: SiteClient;
  view: ViewState;
  clock: Clock;
  isReadable: ReadonlySignal<boolean>;
  environment: Environment;
}

export function createSiteState({ client, view, clock, isReadable, environment }: Dependencies) {
  const { now, visibility } = environment;
  const common = { isReadable, now };
  const site = view.site;
  const extent = createResource({
    ...common,
    wanted: computed(() => (site.value === null ? null : { site: site.value })),
    load: (wanted, signal) => loadExtent(client, wanted.site, now(), signal),
  });
  const knownExtent = computed(() =>
    extent.loaded.value?.wanted.site === site.value ? extent.loaded.value?.data : undefined,
  );
  const range = createRangeState({ view, now: clock.now, extent: knownExtent });
  const selection = computed(() => selected(view, range));
  const chart = createResource({
    ...common,
    wanted: computed<ChartWanted | null>(() => selection.value),
    load: (wanted, signal) => loadChart(client, wanted, signal),
  });
  const bars = createResource({
    ...common,
    wanted: computed<BarsWanted | null>(() => {
      const { value } = selection;
      return value && { ...value, unit: barUnit(value.range, view.view.value.bars) };
    }),
    load: (wanted, signal) => loadBars(client, wanted, signal),
  });
  const figures = createResource({
    ...common,
    wanted: computed<FiguresWanted | null>(() => {
      if (site.value === null) return null;
      const { devices, total } = view.view.value;
      return { site: site.value, zone: range.zone.value, devices, total, minute: range.minute.value };
    }),
    load: (wanted, signal) => loadFigures(client, wanted, signal),
  });
  const page = createPageState({
    ...common,
    client,
    selection: computed<PageSelection | null>(() => {
      const [common, period] = [selection.value, range.period.value];
      if (common === null || period === null) return null;
      const { site, range: span, devices, zone } = common;
      return { site, range: span, devices, zone, period, order: view.view.value.order };
    }),
  });
  const known = knownDevices(site, () => [
    ...(chart.loaded.value?.data.series ?? []),
    ...(bars.loaded.value?.data ?? []),
    ...(figures.loaded.value?.data.devices.map(({ id }) => ({ device_id: id })) ?? []),
  ]);
  const shown = [extent, chart, bars, figures, page];
  const refresh = () => {
    for (const resource of shown) resource.refresh();
  };
  const failure = computed<RequestFailure | null>(
    () => shown.map((resource) => resource.failure.value).find((failure) => failure !== null) ?? null,
  );
  const isFresh = computed(() => failure.value === null);
  const live = createLiveState({ client, site, clock, visibility, isFresh, refresh });
  return {
    extent,
    range,
    chart,
    bars,
    figures,
    page,
    live,
    /** The devices that have been seen, in order of their ids. */
    known: known.ids,
    failure,
    /** Loads all of it again, when this is still the picked site. */
    reload(id: string) {
      if (id === site.peek()) refresh();
    },
    stop() {
      live.stop();
      known.stop();
      for (const resource of shown) resource.stop();
    },
  };
}

/** What chart, bars and table have in common; null while the range is not known, or without a site. */
function selected(view: ViewState, { range, zone, minute }: ReturnType<typeof createRangeState>) {
  const { site, devices, total } = view.view.value;
  const span = range.value;
  if (site === null || span === null) return null;
  const isGrowing = span.to >= minute.value;
  return { site, range: span, zone: zone.value, devices, total, asOf: isGrowing ? minute.value : null };
}

/** Grows while the same site is shown: devices that are not selected are not loaded, and stay known. */
function knownDevices(
  site: ReadonlySignal<string | null>,
  seen: () => readonly { device_id: string | null }[],
): { ids: ReadonlySignal<readonly string[]>; stop: Stop } {
  const ids = signal<readonly string[]>([]);
  let of: string | null = null;
  const stop = effect(() => {
    const before = of === site.value ? ids.peek() : [];
    of = site.value;
    const all = new Set([...before, ...seen().flatMap(({ device_id }) => device_id ?? [])]);
    if (all.size !== ids.peek().length || before.length === 0) ids.value = [...all].sort();
  });
  return { ids, stop };
}
