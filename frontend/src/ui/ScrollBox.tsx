import type { ComponentChildren, RefObject } from 'preact';

interface ScrollBoxProps {
  label: string;
  class: string;
  children: ComponentChildren;
  boxRef?: RefObject<HTMLElement | null>;
  onScroll?: () => void;
}

/** A table in a box of its own that scrolls, also with the keyboard (WCAG 2.1.1): that is why it takes the focus. */
export function ScrollBox({ label, class: className, children, boxRef, onScroll }: ScrollBoxProps) {
  return (
    <section
      class={`table-box ${className}`}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls has to be reachable without a mouse
      tabIndex={0}
      {...(boxRef && { ref: boxRef })}
      {...(onScroll && { onScroll })}
    >
      {children}
    </section>
  );
}
