/** Fetches and parses the readings of one site, off the page's thread; ending the worker ends the request. */
import { openReadings } from './client';
import { ReadingsParser } from './readings-parser';
import { ApiError, type RequestFailure, toRequestFailure } from './request-failure';
import { buffersOf, type SiteReadings, SiteReadingsBuilder } from './site-readings';

export interface LoadTask {
  site: string;
  apiKey: string | null;
}

export interface Progress {
  readings: number;
  bytes: number;
}

export type WorkerMessage =
  | { type: 'progress'; progress: Progress }
  | { type: 'done'; readings: SiteReadings }
  | { type: 'failed'; failure: RequestFailure };

const PROGRESS_EVERY_MS = 250;
const STALLED_MS = 15_000;

/** TypeScript's `DOM` library knows `self` only as a window. */
const page = self as unknown as {
  onmessage: ((event: MessageEvent<LoadTask>) => void) | null;
  postMessage(message: WorkerMessage, transfer?: Transferable[]): void;
};

page.onmessage = ({ data }) => {
  load(data).catch((error: unknown) =>
    page.postMessage({ type: 'failed', failure: toRequestFailure(error) }),
  );
};

async function load({ site, apiKey }: LoadTask): Promise<void> {
  const builder = new SiteReadingsBuilder();
  const parser = new ReadingsParser((batch) => {
    for (const reading of batch) builder.add(reading);
  });
  const body = await openReadings({ fetch: (...request) => fetch(...request), key: () => apiKey }, site);
  const reader = body.getReader();
  const report = progressReporter();
  let bytes = 0;
  const read = () => withinTime(reader.read());
  for (let next = await read(); !next.done; next = await read()) {
    parser.push(next.value);
    bytes += next.value.length;
    report({ readings: builder.count, bytes });
  }
  parser.finish();
  const readings = builder.finish();
  page.postMessage({ type: 'done', readings }, buffersOf(readings));
}

/** A response that stops in its middle is over: its user waits for nothing. */
async function withinTime<T>(next: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ApiError({ kind: 'noResponse', reason: 'timeout' })), STALLED_MS);
  });
  return Promise.race([next, timeout]).finally(() => clearTimeout(timer));
}

function progressReporter(): (progress: Progress) => void {
  let reportedAt = performance.now();
  return (progress) => {
    const now = performance.now();
    if (now - reportedAt < PROGRESS_EVERY_MS) return;
    reportedAt = now;
    page.postMessage({ type: 'progress', progress });
  };
}
