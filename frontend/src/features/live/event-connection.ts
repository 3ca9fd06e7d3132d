/** One stream of events after the other, as long as it is wanted. */
import { toRequestFailure } from '../../api/request-failure';
import type { SiteClient } from '../../api/site-client';
import type { Stop } from '../../app/environment';
import type { EventStreamParser, StreamEvent } from '../../lib/event-stream';

export interface ConnectionHandlers {
  /** Something was received: events, or none of a comment. */
  onText(events: StreamEvent[]): void;
  /** The stream has ended; another one is opened after a pause. */
  onEnd(): void;
}

const RECONNECT_MS = 3_000;
const MAX_RECONNECT_MS = 60_000;

/** Follows the events of a site, after the last one that the parser has seen. */
export function followEvents(
  client: SiteClient,
  site: string,
  parser: EventStreamParser,
  { onText, onEnd }: ConnectionHandlers,
): Stop {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempts = 0;
  const read = async () => {
    const body = await client.openEvents(site, parser.lastEventId, abort.signal);
    for await (const text of textsOf(body)) {
      if (abort.signal.aborted) return;
      attempts = 0;
      onText(parser.push(text));
    }
  };
  const follow = async (): Promise<void> => {
    const askedPause = await read().then(() => 0, retryAfterMs);
    if (abort.signal.aborted) return;
    onEnd();
    const pause = Math.min(RECONNECT_MS * 2 ** attempts, MAX_RECONNECT_MS);
    attempts++;
    timer = setTimeout(() => void follow(), Math.max(pause, askedPause));
  };
  void follow();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}

/** What the service asks for when it is busy. */
function retryAfterMs(error: unknown): number {
  if (error instanceof DOMException && error.name === 'AbortError') return 0;
  const failure = toRequestFailure(error);
  return failure.kind === 'errorStatus' ? 1000 * (failure.retryAfterSeconds ?? 0) : 0;
}

async function* textsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (let next = await reader.read(); !next.done; next = await reader.read())
    yield decoder.decode(next.value, { stream: true });
}
