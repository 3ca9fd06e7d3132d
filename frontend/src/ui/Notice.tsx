import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'warning' | 'bad' | 'plain';

/** A word beside each sign: neither the colour nor the shape carries the meaning alone. */
const SIGNS: Record<Tone, string> = { good: '✓', warning: '!', bad: '✕', plain: 'i' };

export function Sign({ tone }: { tone: Tone }) {
  return (
    <span class={`sign sign-${tone}`} aria-hidden="true">
      {SIGNS[tone]}
    </span>
  );
}

export function Notice({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`notice notice-${tone}`}>
      <Sign tone={tone} />
      <div class="notice-text">{children}</div>
    </div>
  );
}
