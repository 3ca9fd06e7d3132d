/** The pipeline is asynchronous: a 201 means “in the stream”. People take that for lost unless they see it arrive. */

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 3000;
export const GIVE_UP_AFTER_MS = 30_000;

/**
 * Asks until a reading is stored and resolves with the milliseconds that took, or with null when it takes too long.
 * Between two questions it rests at least twice as long as the answer took, so that a site with a million
 * readings, where each question is expensive, is asked rarely. A question that fails counts as “not yet”.
 */
export async function untilStored(
  isStored: (signal: AbortSignal) => Promise<boolean>,
  calledOff: AbortSignal,
): Promise<number | null> {
  const startedAt = performance.now();
  const elapsed = () => performance.now() - startedAt;
  const signal = AbortSignal.any([calledOff, AbortSignal.timeout(GIVE_UP_AFTER_MS)]);
  for (
    let pause = FIRST_PAUSE_MS;
    elapsed() < GIVE_UP_AFTER_MS;
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
  ) {
    const askedAt = elapsed();
    if (await isStored(signal).catch(() => false)) return elapsed();
    calledOff.throwIfAborted();
    const wanted = Math.max(pause, 2 * (elapsed() - askedAt));
    await rest(Math.min(wanted, GIVE_UP_AFTER_MS - elapsed()));
    calledOff.throwIfAborted();
  }
  return null;
}

function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
