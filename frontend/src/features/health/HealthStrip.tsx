import type { ComponentChildren } from 'preact';
import type { HealthReport } from '../../api/types';
import { formatCount } from '../../lib/format';
import { Id } from '../../ui/Id';
import { Sign, type Tone } from '../../ui/Notice';
import { type Health, health } from './health-state';

const WORDS: Record<Tone, string> = {
  good: 'Healthy',
  warning: 'Degraded',
  bad: 'Unreachable',
  plain: 'Checking…',
};

export function toneOf(state: Health): Tone {
  if (state.phase === 'unknown') return 'plain';
  if (state.phase === 'unreachable') return 'bad';
  return state.report.status === 'healthy' ? 'good' : 'warning';
}

/** The health report of the processing service; hidden as soon as the service stops responding. */
export function HealthStrip() {
  const state = health.value;
  const tone = toneOf(state);
  return (
    <section class="health" aria-label="Pipeline health">
      <span class={`health-word health-${tone}`}>
        <Sign tone={tone} /> {WORDS[tone]}
      </span>
      {state.phase === 'known' && <Details report={state.report} />}
    </section>
  );
}

function Details({ report }: { report: HealthReport }) {
  return (
    <dl>
      <Detail name="Redis">{report.redis_connected ? 'connected' : 'not connected'}</Detail>
      {report.consumer_name !== undefined && (
        <Detail name="Consumer">
          <Id id={report.consumer_name} maxChars={24} />
        </Detail>
      )}
      {report.consumer_group !== undefined && (
        <Detail name="Group">
          <Id id={report.consumer_group} maxChars={24} />
        </Detail>
      )}
      <Backlog of={report.consumer_group_status} />
    </dl>
  );
}

/** Entries not delivered to a consumer yet (lag), and delivered but not acknowledged yet (pending). */
function Backlog({ of }: { of: HealthReport['consumer_group_status'] }) {
  if (typeof of !== 'object' || of === null) return null;
  return (
    <>
      {typeof of.lag === 'number' && <Detail name="Lag">{formatCount(of.lag)}</Detail>}
      {typeof of.pending === 'number' && <Detail name="Pending">{formatCount(of.pending)}</Detail>}
    </>
  );
}

function Detail({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
