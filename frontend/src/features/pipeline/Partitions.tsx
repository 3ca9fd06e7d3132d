import type { PipelinePartition } from '../../api/types';
import { useText } from '../../app/app-context';
import { ScrollBox } from '../../ui/ScrollBox';

/** Of a stream with several partitions; with one there is nothing to show that is not in the figures. */
export function Partitions({ of: partitions }: { of: readonly PipelinePartition[] }) {
  const { t } = useText();
  const title = t('pipeline.partitions', { count: partitions.length });
  return (
    <details class="partitions">
      <summary>{title}</summary>
      <ScrollBox class="consumers" label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('pipeline.partition')}</th>
              {(
                [
                  'pipeline.length',
                  'pipeline.lag',
                  'pipeline.pending',
                  'pipeline.oldest',
                  'dead.title',
                ] as const
              ).map((column) => (
                <th key={column} scope="col" class="number">
                  {t(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {partitions.map((partition) => (
              <Row key={partition.partition} of={partition} />
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </details>
  );
}

function Row({ of }: { of: PipelinePartition }) {
  const { t, formats } = useText();
  const oldest = of.oldest_pending_ms;
  return (
    <tr>
      <th scope="row">{of.partition ?? t('pipeline.wholeStream')}</th>
      <td class="number">{formats.count(of.length)}</td>
      <td class="number">{formats.count(of.lag)}</td>
      <td class="number">{formats.count(of.pending)}</td>
      <td class="number">{oldest === null ? '–' : formats.span(oldest)}</td>
      <td class="number">{formats.count(of.dead_letters)}</td>
    </tr>
  );
}
