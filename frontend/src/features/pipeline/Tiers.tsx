import type { PipelineTier, PipelineTiers } from '../../api/types';
import { useText } from '../../app/app-context';
import { ScrollBox } from '../../ui/ScrollBox';

/** Where stored readings are, and what they need; not there until the service has sampled sites. */
export function Tiers({ of: tiers }: { of: PipelineTiers }) {
  const { t, formats } = useText();
  const title = t('pipeline.tiers');
  return (
    <details class="tiers">
      <summary>{title}</summary>
      <ScrollBox class="consumers" label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('pipeline.tier')}</th>
              {(['pipeline.tierReadings', 'pipeline.tierDays', 'pipeline.tierMemory'] as const).map(
                (column) => (
                  <th key={column} scope="col" class="number">
                    {t(column)}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            <Row name={t('pipeline.tierHot')} of={tiers.hot} />
            <Row name={t('pipeline.tierPacked')} of={tiers.packed} />
            <Row name={t('pipeline.tierArchived')} of={tiers.archived} />
          </tbody>
        </table>
      </ScrollBox>
      {tiers.sampled_sites < tiers.sites && (
        <p class="hint">
          {t('pipeline.tiersEstimated', { sampled: tiers.sampled_sites, sites: formats.count(tiers.sites) })}
        </p>
      )}
    </details>
  );
}

function Row({ name, of }: { name: string; of: PipelineTier }) {
  const { formats } = useText();
  const memory = of.memory_bytes;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{formats.count(of.readings)}</td>
      <td class="number">{of.days === 0 ? '–' : formats.count(of.days)}</td>
      <td class="number">{memory === null ? '–' : formats.bytes(memory)}</td>
    </tr>
  );
}
