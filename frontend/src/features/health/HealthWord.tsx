import { useApp, useText } from '../../app/app-context';
import { Sign, type Tone } from '../../ui/Notice';
import type { Condition } from './health-state';

const TONES: Record<Condition, Tone> = {
  checking: 'plain',
  healthy: 'good',
  deadLetters: 'warning',
  late: 'warning',
  redisAway: 'bad',
  ingestionAway: 'bad',
  processingAway: 'bad',
  allAway: 'bad',
};

export function toneOf(condition: Condition): Tone {
  return TONES[condition];
}

/** The health of the whole in one word; the banner says what is wrong. */
export function HealthWord() {
  const { health } = useApp();
  const { t } = useText();
  const condition = health.condition.value;
  const tone = toneOf(condition);
  return (
    <section class="health" aria-label={t('health.label')}>
      <span class={`health-word health-${tone}`}>
        <Sign tone={tone} /> {t(`health.${condition}`)}
      </span>
    </section>
  );
}
