import { useEffect, useRef } from 'preact/hooks';
import { isOutcomeUnknown, type RequestFailure } from '../../api/request-failure';
import { useApp, useText } from '../../app/app-context';
import { failureText, formErrorText } from '../../ui/failure-text';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { Rich } from '../../ui/Rich';
import { SiteLink } from '../../ui/SiteLink';
import { POLL_TIMEOUT_MS } from './poll-until-stored';
import type { Outcome } from './send-state';

type Accepted = Extract<Outcome, { site: string }>;

/** Announced by a screen reader, politely, and brought into sight. */
export function SendResult({ onNew }: { onNew: () => void }) {
  const { outcome } = useApp().send;
  const box = useRef<HTMLDivElement>(null);
  const { phase } = outcome.value;
  useEffect(() => {
    if (phase !== 'none') box.current?.scrollIntoView({ block: 'nearest' });
  }, [phase]);
  return (
    <div class="send-result" role="status" aria-live="polite" ref={box}>
      <Result of={outcome.value} onNew={onNew} />
    </div>
  );
}

function Result({ of, onNew }: { of: Outcome; onNew: () => void }) {
  const { t } = useText();
  if (of.phase === 'none') return null;
  if (of.phase === 'sending') return <Notice tone="plain">{t('send.sending')}</Notice>;
  if (of.phase === 'failed') return <Failure failure={of.failure} />;
  return (
    <Notice tone={of.phase === 'stored' ? 'good' : 'plain'}>
      <p>
        <Rich
          message={of.isRepeat ? 'send.acceptedBefore' : 'send.accepted'}
          parts={{ id: <code>{of.streamId}</code> }}
        />
      </p>
      <p>
        <Arrival of={of} />
      </p>
      <button type="button" class="button-link" onClick={onNew}>
        {t('send.another')}
      </button>
    </Notice>
  );
}

function Arrival({ of }: { of: Accepted }) {
  const { t, formats } = useText();
  if (of.phase === 'accepted') return <>{t('send.notStoredYet')}</>;
  if (of.phase === 'late') return <>{t('send.late', { span: formats.span(POLL_TIMEOUT_MS) })}</>;
  if (of.phase === 'unread') return <>{`${t('send.unread')} ${failureText(t, of.failure)}`}</>;
  const site = (
    <SiteLink site={of.site}>
      <Id id={of.site} maxChars={24} />
    </SiteLink>
  );
  return <Rich message="send.stored" values={{ span: formats.span(of.afterMs) }} parts={{ site }} />;
}

function Failure({ failure }: { failure: RequestFailure }) {
  const { key } = useApp();
  const { t } = useText();
  if (failure.kind === 'invalid') {
    return (
      <Notice tone="bad">
        <p>{t(Object.keys(failure.fields).length > 0 ? 'send.invalidFields' : 'send.invalid')}</p>
        {failure.form.map((error) => (
          <p key={error.type}>{formErrorText(t, error)}</p>
        ))}
      </Notice>
    );
  }
  return (
    <Notice tone="bad">
      <p>{failureText(t, failure)}</p>
      {failure.kind === 'keyRejected' && (
        <button
          type="button"
          class="button-link"
          onClick={() => {
            key.isFieldWanted.value = true;
          }}
        >
          {t('send.enterKey')}
        </button>
      )}
      {isOutcomeUnknown(failure) && <p>{t('send.unknown')}</p>}
    </Notice>
  );
}
