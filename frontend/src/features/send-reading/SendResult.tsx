import { describe, type Problem } from '../../api/problems';
import { formatDuration } from '../../lib/format';
import { Id } from '../../ui/Id';
import { Notice } from '../../ui/Notice';
import { SiteLink } from '../../ui/SiteLink';
import { GIVE_UP_AFTER_MS } from './follow';
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
  if (of.phase === 'failed') return <Failure problem={of.problem} />;
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
  if (of.phase === 'accepted') return <>On its way to the store…</>;
  if (of.phase === 'late') {
    return (
      <>Still on its way after {formatDuration(GIVE_UP_AFTER_MS)}: it is safe in the stream, and will come.</>
    );
  }
  return (
    <>
      <strong>Stored after {formatDuration(of.afterMs)}</strong>,{' '}
      <SiteLink site={of.site}>
        see <Id id={of.site} most={24} />
      </SiteLink>
    </>
  );
}

function Failure({ problem }: { problem: Problem }) {
  if (problem.kind === 'invalid') {
    return (
      <Notice tone="bad">
        <p>Not accepted.{Object.keys(problem.fields).length > 0 && ' See the marked fields.'}</p>
        {problem.form.map((message) => (
          <p key={message}>{message}</p>
        ))}
      </Notice>
    );
  }
  return (
    <Notice tone="bad">
      <p>{describe(problem)}</p>
      {problem.kind === 'unreachable' && <p>Whether the reading was accepted is not known.</p>}
    </Notice>
  );
}
