import { describe, expect, it } from 'vitest';
import { streamContains } from './is-stored';

/** A body in chunks of a given size; `taken` counts the chunks that were asked for. */
function body(text: string, chunkSize: number) {
  const bytes = new TextEncoder().encode(text);
  const seen = { taken: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const start = seen.taken++ * chunkSize;
        if (start >= bytes.length) controller.close();
        else controller.enqueue(bytes.subarray(start, start + chunkSize));
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

describe('streamContains', () => {
  it('finds a string across chunks of any size', async () => {
    for (let chunkSize = 1; chunkSize < 12; chunkSize++) {
      expect(await streamContains(body('….{"stream_id":"1-10"}….', chunkSize).stream, '"1-10"')).toBe(true);
    }
  });

  it('does not take a longer id for the one it looks for', async () => {
    expect(await streamContains(body('"11-10","1-100"', 4).stream, '"1-10"')).toBe(false);
  });

  it('stops reading as soon as it has found it', async () => {
    const { stream, seen } = body(`"1-10"${' '.repeat(1000)}`, 10);
    expect(await streamContains(stream, '"1-10"')).toBe(true);
    expect(seen).toEqual({ taken: 1, cancelled: true });
  });
});
