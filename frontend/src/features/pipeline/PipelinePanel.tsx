import type { ComponentChildren } from 'preact';
import type { PipelineGroup, PipelineState } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { Card } from '../../ui/Card';
import { failureText } from '../../ui/failure-text';
import { lazily } from '../../ui/lazily';
import { Notice } from '../../ui/Notice';
import { Consumers } from './Consumers';
import { DeadLetters } from './DeadLetters';
import { Receivers } from './Receivers';
import { Tiers } from './Tiers';

const Partitions = lazily(async () => (await import('./Partitions')).Partitions);
const TierRuns = lazily(async () => (await import('./TierRuns')).TierRuns);

/** For operators: not there where the server does not publish the state of its pipeline. */
export function PipelinePanel() {
  const { value: report } = useApp().pipeline.report;
  const { t } = useText();
  if (report.phase === 'unknown' || report.phase === 'unavailable') return null;
  return (
    <Card name="pipeline" title={t('pipeline.title')}>
      {report.phase === 'failed' ? (
        <Notice tone="bad">{`${t('pipeline.failed')} ${failureText(t, report.failure)}`}</Notice>
      ) : (
        <Known of={report.pipeline} />
      )}
    </Card>
  );
}

function Known({ of }: { of: PipelineState }) {
  return (
    <>
      <Flow of={of} />
      {of.groups.map((group) => (
        <Consumers key={group.name} group={group} />
      ))}
      {of.partitions !== undefined && <Partitions of={of.partitions} />}
      {of.tiers !== undefined && <Tiers of={of.tiers} />}
      {hasTierRuns(of) && <TierRuns of={of} />}
      <Receivers />
      <DeadLetters count={of.dead_letters} />
    </>
  );
}

function hasTierRuns({ packing = [], archiving }: PipelineState): boolean {
  return packing.length > 0 || archiving !== undefined;
}

function Flow({ of: { stream, rates, groups } }: { of: PipelineState }) {
  const { t, formats } = useText();
  const rate = (perSecond: number | null) => (perSecond === null ? '–' : formats.rate(perSecond));
  const length = formats.count(stream.length);
  const limit = stream.max_length;
  return (
    <dl class="figures">
      <Figure name={t('pipeline.accepted')}>{rate(rates.ingested_1m)}</Figure>
      <Figure name={t('pipeline.stored')}>{rate(rates.stored_1m)}</Figure>
      <Figure name={t('pipeline.length')}>
        {limit === null ? length : t('pipeline.lengthOf', { length, limit: formats.count(limit) })}
      </Figure>
      {groups.map((group) => (
        <Backlog key={group.name} of={group} />
      ))}
    </dl>
  );
}

function Backlog({ of }: { of: PipelineGroup }) {
  const { t, formats } = useText();
  const oldest = of.oldest_pending_ms;
  return (
    <>
      <Figure name={t('pipeline.lag')}>{formats.count(of.lag)}</Figure>
      <Figure name={t('pipeline.pending')}>{formats.count(of.pending)}</Figure>
      <Figure name={t('pipeline.oldest')}>{oldest === null ? '–' : formats.span(oldest)}</Figure>
    </>
  );
}

function Figure({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
