import { formatLocal, LOCAL_ZONE } from '../../lib/local-time';
import { Notice } from '../../ui/Notice';
import { checkHealth, type Health, health } from './health-state';

/** Warns that the readings below may be outdated, or that new ones cannot be accepted. */
export function HealthBanner() {
  return (
    <div class="banner" role="status">
      <Message of={health.value} />
    </div>
  );
}

function Message({ of }: { of: Health }) {
  if (of.phase === 'unknown') return null;
  if (of.phase === 'unreachable') return <Unreachable {...of} />;
  if (of.report.status === 'healthy') return null;
  return (
    <Notice tone="warning">
      <strong>The pipeline is degraded.</strong>{' '}
      {of.report.redis_connected
        ? 'Readings may be stored late.'
        : 'It has no connection to Redis: readings can be neither accepted nor shown until it is back.'}
    </Notice>
  );
}

function Unreachable({ reason, lastAnswer }: { reason: string; lastAnswer: number | null }) {
  return (
    <Notice tone="bad">
      <strong>The API does not answer.</strong> {reason}{' '}
      {lastAnswer !== null && (
        <>
          Last answer at {formatLocal(Math.floor(lastAnswer / 1000) * 1000, LOCAL_ZONE)}; what is shown below
          is not live.{' '}
        </>
      )}
      <button type="button" class="button-link" onClick={checkHealth}>
        Try now
      </button>
    </Notice>
  );
}
