const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** As a reader counts them: an emoji of several code points is one. */
export function lettersOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** Shortens a long id in its middle: ids of one installation mostly share their beginning and differ at the end. */
export function truncateMiddle(id: string, maxChars: number): string {
  if (id.length <= maxChars) return id;
  const characters = lettersOf(id);
  if (characters.length <= maxChars) return id;
  const head = Math.ceil((maxChars - 1) / 2);
  const tail = maxChars - 1 - head;
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - tail).join('')}`;
}
