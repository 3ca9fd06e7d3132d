import type { ComponentChildren } from 'preact';
import type { PipelineArchiving, PipelinePacking, PipelineState } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Sign, type Tone } from '../../ui/Notice';
import { ScrollBox } from '../../ui/ScrollBox';

type Run = PipelinePacking | PipelineArchiving;

const TONES: Record<Run['state'], Tone> = {
  running: 'plain',
  done: 'good',
  failed: 'bad',
  interrupted: 'warning',
};

const COLUMNS = ['runs.state', 'pipeline.tierDays', 'runs.reached', 'runs.success'] as const;

/** The last runs of packing and archiving. */
export function TierRuns({ of: { packing = [], archiving, tiers } }: { of: PipelineState }) {
  const { t } = useText();
  const title = t('runs.title');
  return (
    <details class="tiers" open={[...packing, archiving].some((run) => run?.state === 'failed')}>
      <summary>{title}</summary>
      <ScrollBox class="consumers" label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('runs.run')}</th>
              {COLUMNS.map((column) => (
                <th key={column} scope="col">
                  {t(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {packing.map((run) => (
              <PackingRow key={run.consumer} of={run} sites={tiers?.sites} />
            ))}
            {archiving !== undefined && <ArchivingRow of={archiving} />}
          </tbody>
        </table>
      </ScrollBox>
      {packing.map((run) => (
        <LastError key={run.consumer} name={t('runs.packing', { consumer: run.consumer })} of={run} />
      ))}
      {archiving !== undefined && <LastError name={t('runs.archiving')} of={archiving} />}
    </details>
  );
}

function PackingRow({ of, sites }: { of: PipelinePacking; sites: number | undefined }) {
  const { t, formats } = useText();
  const { oldest_waiting_day: oldest, not_packed: left } = of;
  const isCounted = of.state === 'running' && sites !== undefined;
  const reached = isCounted && t('runs.sites', { done: formats.count(of.sites), all: formats.count(sites) });
  return (
    <Row name={t('runs.packing', { consumer: of.consumer })} of={of} hint={reached || ''}>
      <td>
        {formats.count(of.days)}
        {left > 0 && <span class="hint">{` ${t('runs.notPacked', { count: left })}`}</span>}
      </td>
      <td>{oldest === null ? '–' : t('runs.waiting', { day: oldest })}</td>
    </Row>
  );
}

function ArchivingRow({ of }: { of: PipelineArchiving }) {
  const { t, formats } = useText();
  const [days, due] = [of.days, of.days_due].map(formats.count) as [string, string];
  return (
    <Row name={t('runs.archiving')} of={of} hint="">
      <td>{of.days === of.days_due ? days : t('runs.daysOf', { days, due })}</td>
      <td>{of.watermark === null ? '–' : t('runs.archivedBefore', { day: of.watermark })}</td>
    </Row>
  );
}

interface RowProps {
  name: string;
  of: Run;
  /** How far it is, where that is known. */
  hint: string;
  children: ComponentChildren;
}

function Row({ name, of, hint, children }: RowProps) {
  const { t } = useText();
  const ago = useAgo();
  const success = of.last_success_at;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <span class="status">
          <Sign tone={TONES[of.state]} />
          {t(`runs.${of.state}`, { ago: ago(of.ended_at ?? of.started_at) })}
          {hint !== '' && <span class="hint">{hint}</span>}
        </span>
      </td>
      {children}
      <td class="time">{success === null ? '–' : ago(success)}</td>
    </tr>
  );
}

function LastError({ name, of: { last_error: error } }: { name: string; of: Run }) {
  const { t } = useText();
  const ago = useAgo();
  if (error === null) return null;
  return <p class="hint">{t('runs.error', { name, ago: ago(error.at), message: error.message })}</p>;
}

/** How long ago an instant was. */
function useAgo(): (instant: string) => string {
  const { clock } = useApp();
  const { formats } = useText();
  return (instant) => formats.ago(clock.now.value - parseInstant(instant));
}
