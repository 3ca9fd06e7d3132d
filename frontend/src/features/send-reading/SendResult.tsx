import { useEffect, useRef } from 'preact/hooks';
import { useApp, useText } from '../../app/app-context';
import { lazily } from '../../ui/lazily';
import { Notice } from '../../ui/Notice';
import type { Outcome } from './send-state';

const SendOutcome = lazily(async () => (await import('./SendOutcome')).SendOutcome);

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
  return <SendOutcome of={of} onNew={onNew} />;
}
