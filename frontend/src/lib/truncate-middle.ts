/** Shortens a long id in its middle: ids of one installation mostly share their beginning and differ at the end. */
export function truncateMiddle(id: string, maxChars: number): string {
  const characters = [...id];
  if (characters.length <= maxChars) return id;
  const head = Math.ceil((maxChars - 1) / 2);
  const tail = maxChars - 1 - head;
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - tail).join('')}`;
}
