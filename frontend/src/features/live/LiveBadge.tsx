import { useApp, useText } from '../../app/app-context';
import { Sign, type Tone } from '../../ui/Notice';
import type { Liveness } from './live-state';

const TONES: Record<Liveness, Tone> = {
  connecting: 'plain',
  live: 'good',
  polling: 'plain',
  stale: 'warning',
};

/** Whether what is shown follows what arrives; numbers that do not say so themselves, and from when they are. */
export function LiveBadge() {
  const { site } = useApp();
  const { t, formats } = useText();
  const liveness = site.live.liveness.value;
  const at = site.figures.loaded.value?.at;
  return (
    <p class={`live live-${liveness}`}>
      <Sign tone={TONES[liveness]} />
      {t(`live.${liveness}`)}
      {liveness === 'stale' && at !== undefined && (
        <span>
          {t('site.asOf', { time: formats.time(Math.floor(at / 1000) * 1000, site.range.zone.value) })}
        </span>
      )}
    </p>
  );
}
