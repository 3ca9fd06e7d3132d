import { useApp, useText } from '../../app/app-context';
import { dateAt, dateText, parseDate } from '../../lib/civil-date';
import { datedPeriod } from '../../lib/period';
import { CustomRange } from './CustomRange';
import { ZonePicker } from './ZonePicker';

/** What is seldom asked for: a date, both ends, and the zone. */
export function RangeFields() {
  const { range } = useApp().site.range;
  return (
    <div class="range-fields">
      <DateJump />
      <CustomRange key={`${range.value?.from} ${range.value?.to}`} />
      <ZonePicker />
    </div>
  );
}

/** To a date that is far from now, in one step; the length of the period stays. */
function DateJump() {
  const { site, view } = useApp();
  const { t } = useText();
  const { period, range, context } = site.range;
  const { zone, now } = context.value;
  const shown = range.value === null ? '' : dateText(dateAt(range.value.from, zone));
  const unit = period.value !== null && 'unit' in period.value ? period.value.unit : 'day';
  return (
    <label class="field">
      {t('range.date')}
      <input
        type="date"
        value={shown}
        onChange={(event) => {
          const date = parseDate(event.currentTarget.value);
          if (date !== null) view.navigate({ period: datedPeriod(unit, date, zone, now) }, 'push');
        }}
      />
    </label>
  );
}
