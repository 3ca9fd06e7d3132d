import { useSignal } from '@preact/signals';
import { useApp, useText } from '../../app/app-context';
import { LOCAL_ZONE } from '../../lib/local-time';
import { isZone, zoneNames } from '../../lib/zones';

/** Whose days and clocks are shown: one of hundreds of zones, so found by typing. */
export function ZonePicker() {
  const { site, view } = useApp();
  const { t } = useText();
  const isUnknown = useSignal(false);
  const choose = (name: string) => {
    const zone = name.trim();
    isUnknown.value = zone !== '' && !isZone(zone);
    if (!isUnknown.value) view.navigate({ zone: zone === '' || zone === LOCAL_ZONE ? null : zone }, 'push');
  };
  return (
    <div class="field">
      <label for="zone">{t('range.zone')}</label>
      <input
        id="zone"
        list="zones"
        autocomplete="off"
        spellcheck={false}
        value={site.range.zone.value}
        placeholder={LOCAL_ZONE}
        aria-invalid={isUnknown.value}
        aria-describedby="zone-error"
        onChange={(event) => choose(event.currentTarget.value)}
      />
      <datalist id="zones">
        {zoneNames().map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <p id="zone-error" class="field-error" role="alert">
        {isUnknown.value && t('range.unknownZone')}
      </p>
    </div>
  );
}
