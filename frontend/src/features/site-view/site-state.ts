/** Everything that is loaded about the picked site, and when it is loaded again. */
import { computed, type ReadonlySignal } from '@preact/signals';
import type { RequestFailure } from '../../api/request-failure';
import type { SiteClient } from '../../api/site-client';
import type { Clock } from '../../app/clock';
import type { Environment } from '../../app/environment';
import { createResource } from '../../app/resource';
import type { ViewState } from '../../app/view-state';
import { createKnownDevices, loadDevices } from '../devices/known-devices';
import { barUnit } from '../energy-bars/bar-units';
import { type BarsWanted, loadBars } from '../energy-bars/load-bars';
import { type FiguresWanted, loadFigures } from '../figures/load-figures';
import { createLiveState } from '../live/live-state';
import { type ChartWanted, loadChart } from '../power-chart/load-chart';
import { createRangeState, type RangeState } from '../range-bar/range-state';
import { createPageState, type PageSelection } from '../readings-table/page-state';
import { createRemovalState } from '../readings-table/removal-state';
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
    load: (wanted, signal) => loadExtent(client, wanted.site, signal),
  });
  const knownExtent = computed(() =>
    extent.loaded.value?.wanted.site === site.value ? extent.loaded.value?.data : undefined,
  );
  const range = createRangeState({ view, now: clock.now, extent: knownExtent });
  const devices = createResource({
    ...common,
    wanted: computed(() => (site.value === null ? null : { site: site.value, minute: range.minute.value })),
    load: (wanted, signal) => loadDevices(client, wanted.site, signal),
  });
  const known = createKnownDevices(site, devices.loaded);
  /** Null for all, which are few; a site of many devices is asked for those that are drawn. */
  const wantedDevices = computed(() => view.view.value.devices ?? known.firstOfMany.value);
  const isSettled = computed(() => known.isSettled.value || devices.failure.value !== null);
  const selection = computed(() => (isSettled.value ? selected(view, range, wantedDevices.value) : null));
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
      if (selection.value === null) return null;
      const { site, zone, devices, total } = selection.value;
      return { site, zone, devices, total, minute: range.minute.value };
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
  const shown = [extent, devices, chart, bars, figures, page];
  const refresh = () => {
    for (const resource of shown) resource.refresh();
  };
  const failure = computed<RequestFailure | null>(
    () => shown.map((resource) => resource.failure.value).find((failure) => failure !== null) ?? null,
  );
  const isFresh = computed(() => failure.value === null);
  const live = createLiveState({ client, site, clock, visibility, isFresh, isReadable, refresh });
  return {
    extent,
    devices,
    range,
    chart,
    bars,
    figures,
    page,
    live,
    removal: createRemovalState(client, refresh),
    /** The ids of the devices, in their order: the place of each is its colour. */
    known: known.ids,
    /** Whether they were loaded, or cannot be. */
    isSettled,
    failure,
    /** Loads all of it again, when this is still the picked site. */
    reload(id: string) {
      if (id === site.peek()) refresh();
    },
    stop() {
      live.stop();
      for (const resource of shown) resource.stop();
    },
  };
}

/** What chart, bars and table have in common; null while the range is not known, or without a site. */
function selected(view: ViewState, { range, zone, minute }: RangeState, devices: readonly string[] | null) {
  const { site, total } = view.view.value;
  const span = range.value;
  if (site === null || span === null) return null;
  const isGrowing = span.to >= minute.value;
  return { site, range: span, zone: zone.value, devices, total, asOf: isGrowing ? minute.value : null };
}
