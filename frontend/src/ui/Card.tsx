import type { ComponentChildren } from 'preact';

interface CardProps {
  title: ComponentChildren;
  /** Names the section for assistive technology and the style sheet. */
  name: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function Card({ title, name, aside, children }: CardProps) {
  return (
    <section class={`card card-${name}`} aria-labelledby={`${name}-title`}>
      <header class="card-header">
        <h2 id={`${name}-title`}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
