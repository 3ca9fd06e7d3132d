import { useApp, useText } from '../../app/app-context';
import { LOCAL_ZONE } from '../../lib/local-time';
import { Notice } from '../../ui/Notice';
import { toneOf } from './HealthWord';
import type { Condition } from './health-state';

/** Dead letters wait for an operator, who sees them in the panel; they concern no other user. */
const SILENT: ReadonlySet<Condition> = new Set(['checking', 'healthy', 'deadLetters']);

/** Warns that the readings below may be outdated, or that new ones cannot be accepted. */
export function HealthBanner() {
  const { health } = useApp();
  const condition = health.condition.value;
  return (
    <div class="banner" role="status">
      {!SILENT.has(condition) && (
        <Notice tone={toneOf(condition)}>
          <Explanation of={condition as Explained} />
        </Notice>
      )}
    </div>
  );
}

type Explained = Exclude<Condition, 'checking' | 'healthy' | 'deadLetters'>;

function Explanation({ of }: { of: Explained }) {
  const { health } = useApp();
  const { t, formats } = useText();
  const at = health.lastAnswer.value;
  const second = at === null ? null : Math.floor(at / 1000) * 1000;
  return (
    <>
      <strong>{t(`health.${of}.title`)}</strong> {t(`health.${of}.advice`)}{' '}
      {of === 'allAway' && second !== null && (
        <>{t('health.lastAnswer', { time: formats.time(second, LOCAL_ZONE) })} </>
      )}
      <button type="button" class="button-link" onClick={health.checkNow}>
        {t('health.checkNow')}
      </button>
    </>
  );
}
