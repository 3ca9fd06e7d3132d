/** Short forms of ids that are seen together: those that would look alike show where they differ. */
import { lettersOf, truncateMiddle } from './truncate-middle';
import { visibleId } from './visible-id';

type ShortIds = ReadonlyMap<string, string>;
/** An id, and how it is shown. */
type Member = readonly [id: string, text: string];

/** Of the beginning, which is alike: enough to recognize it. */
const HEAD = 4;
/** A difference is shown with the beginning of its word, if that is this close. */
const MAX_WORD = 8;
const WORD_END = /[^\p{L}\p{N}]/u;

const known = new WeakMap<readonly string[], Map<number, ShortIds>>();

/** Computed once for each list: rows and lines ask again and again. */
export function shortIds(ids: readonly string[], maxChars: number): ShortIds {
  const byLength = known.get(ids) ?? new Map<number, ShortIds>();
  known.set(ids, byLength);
  const shortened = byLength.get(maxChars) ?? shorten(ids, maxChars);
  byLength.set(maxChars, shortened);
  return shortened;
}

function shorten(ids: readonly string[], maxChars: number): ShortIds {
  const visible = ids.map((id): Member => [id, visibleId(id)]);
  const long = visible.filter(([, text]) => text.length > maxChars);
  const alike = groupsBy(long, ([, text]) => truncateMiddle(text, maxChars));
  const forms = [...alike].flatMap(([form, members]) =>
    members.length === 1 ? members.map(([id]) => [id, form] as const) : told(members, maxChars),
  );
  return new Map(forms);
}

/** Each with the part where the first of them differs; those that are still alike, with one more. */
function told(
  members: readonly Member[],
  maxChars: number,
  places: readonly number[] = [],
): [string, string][] {
  const letters = members.map(([, text]) => lettersOf(text));
  const first = letters[0] ?? [];
  const place = first.findIndex((letter, index) => letters.some((other) => other[index] !== letter));
  // Without one, the first is the beginning of all others.
  const parts = [...places, wordStart(first, place < 0 ? first.length : place)];
  const forms = groupsBy(members, ([, text]) => excerpt(lettersOf(text), parts, maxChars));
  return [...forms].flatMap(([form, alike]) =>
    // Different ids of one text have no difference that could be shown.
    alike.length === 1 || alike.length === members.length
      ? alike.map(([id]): [string, string] => [id, form])
      : told(alike, maxChars, parts),
  );
}

function wordStart(letters: readonly string[], place: number): number {
  const before = letters.slice(Math.max(0, place - MAX_WORD), place);
  const word = before.length - 1 - [...before].reverse().findIndex((letter) => WORD_END.test(letter));
  return word === before.length ? place : place - before.length + word + 1;
}

/** `twen…07-kitchen…` */
function excerpt(letters: readonly string[], places: readonly number[], maxChars: number): string {
  const room = Math.max(1, Math.floor((maxChars - HEAD - 1) / places.length) - 1);
  let shown = letters.slice(0, HEAD).join('');
  let end = HEAD;
  for (const place of places) {
    const start = Math.max(end, Math.min(place, letters.length - room));
    shown += (start > end ? '…' : '') + letters.slice(start, start + room).join('');
    end = start + room;
  }
  return end < letters.length ? `${shown}…` : shown;
}

function groupsBy(members: readonly Member[], keyOf: (member: Member) => string): Map<string, Member[]> {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const group = groups.get(keyOf(member));
    if (group === undefined) groups.set(keyOf(member), [member]);
    else group.push(member);
  }
  return groups;
}
