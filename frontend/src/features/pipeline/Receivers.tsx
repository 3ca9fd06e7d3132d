import { useApp, useText } from '../../app/app-context';
import { failureText } from '../../ui/failure-text';
import { lazily } from '../../ui/lazily';

const ReceiverTables = lazily(async () => (await import('./ReceiverTables')).ReceiverTables);

/** What came in by each protocol, and what did not; asked for when it is opened. */
export function Receivers() {
  const { receivers } = useApp();
  const { t } = useText();
  return (
    <details class="receivers" onToggle={(event) => receivers.setOpen(event.currentTarget.open)}>
      <summary>{t('receivers.title')}</summary>
      <Contents />
    </details>
  );
}

function Contents() {
  const { receivers, failure } = useApp().receivers;
  const { t } = useText();
  if (failure.value !== null) return <p class="hint">{failureText(t, failure.value)}</p>;
  if (receivers.value === null) return <p class="hint">{t('site.loading')}</p>;
  if (receivers.value.length === 0) return <p class="hint">{t('receivers.none')}</p>;
  return <ReceiverTables of={receivers.value} />;
}
