/** An id so that each of its characters can be seen: blanks at its ends, and characters without a shape. */

/** Joiners have a shape of their own between letters (Persian) and emoji. */
const JOINED =
  /(?<=\p{L}|\p{M}|\p{Extended_Pictographic}|\ufe0f)[\u200c\u200d](?=\p{L}|\p{M}|\p{Extended_Pictographic})/gu;
const SHAPELESS = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const BLANK_ENDS = /^ +| +$/g;

export function visibleId(id: string): string {
  const kept = new Set([...id.matchAll(JOINED)].map(({ index }) => index));
  return id
    .replace(SHAPELESS, (character, index: number) => (kept.has(index) ? character : codePoint(character)))
    .replace(BLANK_ENDS, (blanks) => '␣'.repeat(blanks.length));
}

function codePoint(character: string): string {
  return `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}›`;
}
