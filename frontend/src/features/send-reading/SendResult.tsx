import { type RequestFailure, toMessage } from '../../api/request-failure';
import { formatDuration } from '../../lib/format';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { SiteLink } from '../../ui/SiteLink';
import { POLL_TIMEOUT_MS } from './poll-until-stored';
import { type Outcome, outcome } from './send-state';

/** The only part of the page that a screen reader announces by itself, politely. */
export function SendResult() {
  return (
    <div class="send-result" role="status" aria-live="polite">
      <Result of={outcome.value} />
    </div>
  );
}

function Result({ of }: { of: Outcome }) {
  if (of.phase === 'none') return null;
  if (of.phase === 'sending') return <Notice tone="plain">Sending…</Notice>;
  if (of.phase === 'failed') return <Failure failure={of.failure} />;
  return (
    <Notice tone={of.phase === 'stored' ? 'good' : 'plain'}>
      <p>
        <strong>Accepted</strong>, stream id <code>{of.streamId}</code>
      </p>
      <p>
        <Arrival of={of} />
      </p>
    </Notice>
  );
}

function Arrival({ of }: { of: Extract<Outcome, { site: string }> }) {
  if (of.phase === 'accepted') return <>Accepted into the stream, not stored yet…</>;
  if (of.phase === 'late') {
    return (
      <>Still on its way after {formatDuration(POLL_TIMEOUT_MS)}: it is in the stream and will be stored.</>
    );
  }
  if (of.phase === 'unread') {
    return <>It is in the stream; whether it is stored is not shown. {toMessage(of.failure)}</>;
  }
  return (
    <>
      <strong>Stored after {formatDuration(of.afterMs)}</strong>,{' '}
      <SiteLink site={of.site}>
        see <Id id={of.site} maxChars={24} />
      </SiteLink>
    </>
  );
}

function Failure({ failure }: { failure: RequestFailure }) {
  if (failure.kind === 'invalid') {
    return (
      <Notice tone="bad">
        <p>Not accepted.{Object.keys(failure.fields).length > 0 && ' See the marked fields.'}</p>
        {failure.form.map((message) => (
          <p key={message}>{message}</p>
        ))}
      </Notice>
    );
  }
  return (
    <Notice tone="bad">
      <p>{toMessage(failure)}</p>
      {failure.kind === 'keyRejected' && (
        <button type="button" class="button-link" onClick={() => document.getElementById('api-key')?.focus()}>
          Enter a key
        </button>
      )}
      {failure.kind === 'unreachable' && <p>Whether the reading was accepted is not known.</p>}
    </Notice>
  );
}
