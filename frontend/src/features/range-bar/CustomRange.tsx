import { useSignal } from '@preact/signals';
import { useApp, useText } from '../../app/app-context';
import { resolveLocal, toLocalField } from '../../lib/local-time';

/** Both ends, by the clock of the zone. */
export function CustomRange() {
  const { site, view } = useApp();
  const { t } = useText();
  const zone = site.range.zone.value;
  const range = site.range.range.value;
  const field = (instant: number | undefined) =>
    instant === undefined ? '' : toLocalField(instant, zone).slice(0, 19);
  const from = useSignal(field(range?.from));
  const to = useSignal(field(range?.to));
  const isWrong = useSignal(false);
  const show = (event: Event) => {
    event.preventDefault();
    const [first, last] = [instantOf(from.value, zone), instantOf(to.value, zone)];
    isWrong.value = first === null || last === null || first >= last;
    if (first !== null && last !== null && first < last)
      view.navigate({ period: { kind: 'range', from: first, to: last } }, 'push');
  };
  return (
    <form class="range-custom" onSubmit={show} noValidate>
      {[['range.from', from] as const, ['range.to', to] as const].map(([name, value]) => (
        <label key={name} class="field">
          {t(name)}
          <input
            type="datetime-local"
            step="1"
            value={value.value}
            aria-invalid={isWrong.value}
            aria-describedby={isWrong.value ? 'range-error' : undefined}
            onInput={(event) => {
              value.value = event.currentTarget.value;
            }}
          />
        </label>
      ))}
      <button type="submit" class="button-quiet">
        {t('range.show')}
      </button>
      <p id="range-error" class="field-error" role="alert">
        {isWrong.value && t('range.wrong')}
      </p>
    </form>
  );
}

/** Of an hour that happens twice the first one. */
function instantOf(field: string, zone: string): number | null {
  const time = resolveLocal(field, zone);
  if (time === null) return null;
  return time.kind === 'repeated' ? time.first : time.instant;
}
