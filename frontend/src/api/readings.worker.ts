/** Fetches and parses the readings of one site, off the page's thread; ending the worker ends the request. */
import { setRequestKey } from './authorization';
import { openReadings } from './client';
import { ReadingsParser } from './readings-parser';
import type { RequestFailure } from './request-failure';
import { toRequestFailure } from './request-failure';
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

/** TypeScript's `DOM` library knows `self` only as a window. */
const page = self as unknown as {
  onmessage: ((event: MessageEvent<LoadTask>) => void) | null;
  postMessage(message: WorkerMessage, transfer?: Transferable[]): void;
};

page.onmessage = ({ data: { site, apiKey } }) => {
  setRequestKey(apiKey);
  load(site).catch((error: unknown) =>
    page.postMessage({ type: 'failed', failure: toRequestFailure(error) }),
  );
};

async function load(site: string): Promise<void> {
  const builder = new SiteReadingsBuilder();
  const parser = new ReadingsParser((batch) => {
    for (const reading of batch) builder.add(reading);
  });
  const reader = (await openReadings(site)).getReader();
  const report = progressReporter();
  let bytes = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parser.push(next.value);
    bytes += next.value.length;
    report({ readings: builder.count, bytes });
  }
  parser.finish();
  const readings = builder.finish();
  page.postMessage({ type: 'done', readings }, buffersOf(readings));
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
