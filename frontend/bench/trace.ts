/** The tasks of the page's main thread, by Chromium's own trace. */
import type { CDPSession } from 'playwright-core';

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  tdur?: number;
  args: { name?: string; data?: { url?: string } };
}

export interface Task {
  /** From its beginning to its end, in milliseconds. */
  wallMs: number;
  /** Of the thread's own time: what is left of it on a machine that does nothing else. */
  cpuMs: number;
}

export interface MainThread {
  longest: Task;
  /** The process of the page; the browser has others for pages of its own. */
  pid: number;
}

/** The main thread of the page that sends requests to an origin, while something runs. */
export async function mainThread(
  browser: CDPSession,
  origin: string,
  run: () => Promise<unknown>,
): Promise<MainThread> {
  const events = await traced(browser, run);
  const request = events.find(
    ({ name, args }) => name === 'ResourceSendRequest' && args.data?.url?.startsWith(origin),
  );
  if (request === undefined) throw new Error(`no request to ${origin} was seen`);
  const { pid } = request;
  const thread = events.find(
    (event) => event.pid === pid && event.name === 'thread_name' && event.args.name === 'CrRendererMain',
  );
  const isOfPage = (event: TraceEvent) => event.pid === pid && event.tid === thread?.tid;
  const tasks = events.filter((event) => event.name === 'RunTask' && event.ph === 'X' && isOfPage(event));
  const longest = (values: number[]) => Math.max(...values) / 1000;
  const wallMs = longest(tasks.map(({ dur = 0 }) => dur));
  return { longest: { wallMs, cpuMs: longest(tasks.map(({ tdur = 0 }) => tdur)) }, pid };
}

/** Tasks, and the requests that tell which process the page's is. */
const CATEGORIES = ['devtools.timeline', 'disabled-by-default-devtools.timeline'];

async function traced(browser: CDPSession, run: () => Promise<unknown>): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  const collect = ({ value }: { value: unknown[] }) => events.push(...(value as TraceEvent[]));
  browser.on('Tracing.dataCollected', collect);
  await browser.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: CATEGORIES },
  });
  try {
    await run();
  } finally {
    const complete = new Promise((resolve) => browser.once('Tracing.tracingComplete', resolve));
    await browser.send('Tracing.end');
    await complete;
    browser.off('Tracing.dataCollected', collect);
  }
  return events;
}
