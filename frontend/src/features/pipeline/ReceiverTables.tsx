import type { ReceiverSummary as Receiver } from '../../api/types';
import { useApp, useText } from '../../app/app-context';
import type { MessageKey } from '../../i18n/translation';
import { parseInstant } from '../../lib/instant';
import { LOCAL_ZONE } from '../../lib/local-time';
import { Sign, type Tone } from '../../ui/Notice';
import { ScrollBox } from '../../ui/ScrollBox';
import { NotAcceptedRows } from './NotAcceptedRows';
import { receiverName } from './receiver-name';

/** What each receiver has accepted, and what it has not. */
export function ReceiverTables({ of }: { of: readonly Receiver[] }) {
  return (
    <>
      <Table of={of} />
      <NotAcceptedRows of={of} />
    </>
  );
}

const COUNTS = ['accepted', 'rejected', 'unmapped'] as const;

function Table({ of: receivers }: { of: readonly Receiver[] }) {
  const { t } = useText();
  return (
    <ScrollBox class="receivers-box" label={t('chart.tableOf', { name: t('receivers.title') })}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('receivers.name')}</th>
            {COUNTS.map((count) => (
              <th key={count} scope="col" class="number">
                {t(`receivers.${count}`)}
              </th>
            ))}
            <th scope="col">{t('receivers.last')}</th>
            <th scope="col">{t('receivers.connection')}</th>
          </tr>
        </thead>
        <tbody>
          {receivers.map((receiver) => (
            <Row key={receiver.name} of={receiver} />
          ))}
        </tbody>
      </table>
    </ScrollBox>
  );
}

function Row({ of }: { of: Receiver }) {
  const { clock } = useApp();
  const { t, formats } = useText();
  const { name, accepted, replayed, rejected, unmapped, last_accepted_at: last, since } = of;
  const sinceText = t('receivers.since', { time: formats.time(parseInstant(since), LOCAL_ZONE) });
  return (
    <tr title={sinceText}>
      <th scope="row">{receiverName(name, t)}</th>
      <td class="number">
        {formats.count(accepted)}
        {replayed > 0 && <span class="hint">{` ${t('receivers.replayed', { count: replayed })}`}</span>}
      </td>
      <td class="number">{formats.count(rejected)}</td>
      <td class="number">{formats.count(unmapped)}</td>
      <td class="time">{last === null ? '–' : formats.ago(clock.now.value - parseInstant(last))}</td>
      <td>
        <Connection of={of} />
      </td>
    </tr>
  );
}

/** Whether a receiver that connects by itself is connected; others are reached by their senders. */
function Connection({ of: { connections } }: { of: Receiver }) {
  const { t } = useText();
  if (connections === undefined) return <>–</>;
  const { open, processes } = connections;
  const [tone, message]: [Tone, MessageKey] =
    open === 0
      ? ['bad', 'receivers.notConnected']
      : open < processes
        ? ['warning', 'receivers.partlyConnected']
        : ['good', 'receivers.connected'];
  return (
    <span class="status">
      <Sign tone={tone} />
      {t(message, { open, processes })}
    </span>
  );
}
