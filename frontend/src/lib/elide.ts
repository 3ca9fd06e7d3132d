/** Shortens a long id in its middle: ids of one installation mostly share their beginning and differ at the end. */
export function elideMiddle(id: string, most: number): string {
  const characters = [...id];
  if (characters.length <= most) return id;
  const head = Math.ceil((most - 1) / 2);
  const tail = most - 1 - head;
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - tail).join('')}`;
}
