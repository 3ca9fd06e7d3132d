import { useSignal } from '@preact/signals';
import { useApp, useText } from '../../app/app-context';
import type { Text } from '../../i18n/text-state';
import type { MessageKey } from '../../i18n/translation';
import { type Period, periodText, stepped } from '../../lib/period';
import type { TimeRange } from '../../lib/range';
import { lazily } from '../../ui/lazily';

const PRESETS: [MessageKey, Period][] = [
  ['range.last24', { kind: 'last', hours: 24 }],
  ['range.today', { kind: 'current', unit: 'day', back: 0 }],
  ['range.yesterday', { kind: 'current', unit: 'day', back: 1 }],
  ['range.week', { kind: 'current', unit: 'week', back: 0 }],
  ['range.month', { kind: 'current', unit: 'month', back: 0 }],
  ['range.year', { kind: 'current', unit: 'year', back: 0 }],
  ['range.all', { kind: 'all' }],
];

/** A longer range is told by its days. */
const DAYS_FROM_MS = 4 * 86_400_000;

/** The span of time of everything below: presets, steps, a date, both ends, and the zone. */
export function RangeBar() {
  const { site, view } = useApp();
  const { t } = useText();
  const { period, range } = site.range;
  const show = (next: Period) => view.navigate({ period: next }, 'push');
  return (
    <section class="range-bar" aria-label={t('range.label')}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms */}
      <div class="presets" role="group" aria-label={t('range.presets')}>
        {PRESETS.map(([name, preset]) => (
          <button
            key={name}
            type="button"
            class="button-quiet button-small"
            aria-pressed={period.value !== null && isSame(period.value, preset)}
            onClick={() => show(preset)}
          >
            {t(name)}
          </button>
        ))}
      </div>
      <div class="range-step">
        <Step direction={-1} onStep={show} />
        <h3 class="range-name" aria-live="polite">
          {period.value !== null && range.value !== null && (
            <Name period={period.value} range={range.value} />
          )}
        </h3>
        <Step direction={1} onStep={show} />
      </div>
      <More />
    </section>
  );
}

const RangeFields = lazily(async () => (await import('./RangeFields')).RangeFields);

/** Made when it is opened: the list of zones has hundreds of entries. */
function More() {
  const { t } = useText();
  const isOpen = useSignal(false);
  return (
    <details
      class="range-more"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{t('range.more')}</summary>
      {isOpen.value && <RangeFields />}
    </details>
  );
}

function isSame(a: Period, b: Period): boolean {
  return a.kind === b.kind && periodText(a) === periodText(b);
}

function Step({ direction, onStep }: { direction: 1 | -1; onStep(next: Period): void }) {
  const { range } = useApp().site;
  const { t } = useText();
  const next = range.period.value && stepped(range.period.value, direction, range.context.value);
  const name = t(direction === 1 ? 'range.next' : 'range.previous');
  return (
    <button
      type="button"
      class="button-quiet button-small"
      title={name}
      aria-label={name}
      aria-disabled={next === null}
      onClick={() => next !== null && onStep(next)}
    >
      {direction === 1 ? '›' : '‹'}
    </button>
  );
}

function Name({ period, range }: { period: Period; range: TimeRange }) {
  const text = useText();
  const { zone } = useApp().site.range;
  return <>{nameOf(period, range, zone.value, text)}</>;
}

function nameOf(period: Period, range: TimeRange, zone: string, { t, formats }: Text): string {
  if (period.kind === 'current' || period.kind === 'dated')
    return formats.calendar(period.unit, range.from, range.to, zone);
  if (period.kind === 'last') return t('range.lastHours', { count: period.hours });
  const isLong = range.to - range.from > DAYS_FROM_MS;
  return formats.calendar(isLong ? 'day' : 'hour', range.from, range.to, zone);
}
