import { openReadings } from './client';

/**
 * Whether an accepted reading is stored: ingestion appends it to the stream, a consumer stores it.
 *
 * The contract has no cheaper request than the site's readings, so the body is searched as it arrives and aborted
 * as soon as the stream id is found. Once the service takes `?start=…&end=…`, they belong into this one request.
 */
export async function isStored(site: string, streamId: string, signal: AbortSignal): Promise<boolean> {
  return streamContains(await openReadings(site, signal), `"${streamId}"`);
}

/** Searches a text stream for an ASCII string without keeping more than one chunk of it. */
export async function streamContains(body: ReadableStream<Uint8Array>, wanted: string): Promise<boolean> {
  const decoder = new TextDecoder('latin1');
  const reader = body.getReader();
  // The end of the chunk before, in which the string may have begun.
  let seam = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    const text = seam + decoder.decode(value);
    if (text.includes(wanted)) {
      await reader.cancel();
      return true;
    }
    seam = text.slice(1 - wanted.length);
  }
}
