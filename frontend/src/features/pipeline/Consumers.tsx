import type { PipelineGroup } from '../../api/types';
import { useText } from '../../app/app-context';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { ScrollBox } from '../../ui/ScrollBox';

export function Consumers({ group }: { group: PipelineGroup }) {
  const { t, formats } = useText();
  if (group.consumers.length === 0) return <Notice tone="warning">{t('pipeline.noConsumers')}</Notice>;
  return (
    <ScrollBox class="consumers" label={t('pipeline.group', { group: group.name })}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('pipeline.consumer')}</th>
            <th scope="col" class="number">
              {t('pipeline.consumerPending')}
            </th>
            <th scope="col" class="number">
              {t('pipeline.consumerIdle')}
            </th>
          </tr>
        </thead>
        <tbody>
          {group.consumers.map(({ name, pending, idle_ms }) => (
            <tr key={name}>
              <th scope="row">
                <Id id={name} maxChars={40} />
              </th>
              <td class="number">{formats.count(pending)}</td>
              <td class="number">{formats.span(idle_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}
