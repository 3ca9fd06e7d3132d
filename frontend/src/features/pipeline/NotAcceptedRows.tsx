import type { NotAcceptedRows as NotAccepted, ReceiverSummary as Receiver } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import { parseInstant } from '../../lib/instant';
import { Id } from '../../ui/Id';
import { ScrollBox } from '../../ui/ScrollBox';
import { receiverName } from './receiver-name';

/** What did not come in and why, for those who set a receiver up; the texts are a sender's, so only ever text nodes. */
export function NotAcceptedRows({ of: receivers }: { of: readonly Receiver[] }) {
  const { t } = useText();
  const rows = receivers.flatMap(({ name, not_accepted }) =>
    not_accepted.map((row) => ({ receiver: name, row })),
  );
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{t('receivers.notAccepted')}</summary>
      <ScrollBox class="receivers-box" label={t('receivers.notAccepted')}>
        <table>
          <thead>
            <tr>
              {(['name', 'outcome', 'sender', 'reason', 'rows', 'lastAt'] as const).map((column) => (
                <th key={column} scope="col" class={column === 'rows' ? 'number' : undefined}>
                  {t(`receivers.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ receiver, row }) => (
              <Row
                key={`${receiver} ${row.outcome} ${row.name} ${row.reason}`}
                receiver={receiver}
                of={row}
              />
            ))}
          </tbody>
        </table>
      </ScrollBox>
    </details>
  );
}

function Row({ receiver, of }: { receiver: string; of: NotAccepted }) {
  const { clock } = useApp();
  const { t, formats } = useText();
  return (
    <tr>
      <td>{receiverName(receiver, t)}</td>
      <td>{t(of.outcome === 'unmapped' ? 'receivers.outcome.unmapped' : 'receivers.outcome.rejected')}</td>
      <td class="prose">{of.name === '' ? '–' : <Id id={of.name} maxChars={120} />}</td>
      <td class="prose">{of.reason}</td>
      <td class="number">{formats.count(of.rows)}</td>
      <td class="time">{formats.ago(clock.now.value - parseInstant(of.last_at))}</td>
    </tr>
  );
}
