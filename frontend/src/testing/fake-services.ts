/** Both services behind `fetch`: they answer as healthy ones until a test has them answer otherwise. */
import type { DeadLetter, PipelineState, Site, Sites, StoredReading } from '../api/types';
import { aggregatesOf, devicesOf, pageOf, selected, summaryOf } from './fake-site';

export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: unknown;
}

export type Answer = (request: SeenRequest) => Response | Promise<Response>;

export const PIPELINE: PipelineState = {
  stream: { length: 1204, max_length: null, first_id: null, last_id: null },
  groups: [
    {
      name: 'processing_group',
      pending: 3,
      lag: 0,
      oldest_pending_ms: 200,
      consumers: [{ name: 'proc-0', pending: 2, idle_ms: 12 }],
    },
  ],
  rates: { ingested_1m: 41.25, stored_1m: 41 },
  dead_letters: 0,
};

export function siteOf(site_id: string): Site {
  const last = '2024-01-15T10:29:00Z';
  return { site_id, readings: 2, first: last, last, last_ingested_at: last, status: 'fresh' };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

export function problem(status: number, code: string, detail = 'detail', headers = {}): Response {
  return json({ detail, code, request_id: 'r1' }, status, headers);
}

/** A request that gets no response before its page gives it up. */
export function silence(): Promise<Response> {
  return new Promise(() => {});
}

export class FakeServices {
  constructor(private readonly now: () => number = Date.now) {}

  /** The readings of each site. */
  stored = new Map<string, StoredReading[]>();
  seen: SeenRequest[] = [];
  sites: string[] = [];
  accepted: StoredReading[] = [];
  deadLetters: DeadLetter[] = [];
  pipeline = PIPELINE;
  private readonly answers = new Map<string, Answer>([
    ['GET /ingestion/health', () => json({ status: 'healthy', redis_connected: true })],
    ['GET /api/health', () => json({ status: 'healthy', redis_connected: true })],
    ['GET /api/pipeline', () => json(this.pipeline)],
    ['GET /api/pipeline/dead-letters', () => json({ dead_letters: this.deadLetters })],
    ['GET /api/sites', (request) => json(this.page(request.query))],
    ['POST /api/readings', (request) => this.accept(request)],
  ]);

  /** `at` is a method and a path. */
  answer(at: string, answer: Answer): void {
    this.answers.set(at, answer);
  }

  requests(at: string): SeenRequest[] {
    return this.seen.filter(({ method, path }) => `${method} ${path}` === at);
  }

  fetch: typeof fetch = async (input, init = {}) => {
    const url = new URL(String(input), 'http://page.test');
    const request: SeenRequest = {
      method: init.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: new Headers(init.headers),
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    };
    this.seen.push(request);
    const answer = this.answers.get(`${request.method} ${request.path}`);
    const response = answer?.(request) ?? this.ofSite(request);
    return await Promise.race([response, aborted(init.signal)]);
  };

  /** A page of the list of sites, in which a cursor is the number of the sites before. */
  private page(query: URLSearchParams): Sites {
    const matching = this.sites.filter((site_id) => site_id.startsWith(query.get('prefix') ?? ''));
    const from = Number(query.get('cursor') ?? 0);
    const end = from + Number(query.get('limit'));
    return {
      sites: matching.slice(from, end).map(siteOf),
      ...(end < matching.length && { next_cursor: String(end) }),
    };
  }

  /** Accepts a reading, and a second one with the same key as the first. */
  private accept({ body, headers }: SeenRequest): Response {
    const key = headers.get('Idempotency-Key') ?? '';
    const known = this.accepted.find(({ ingested_at }) => ingested_at === key);
    const reading = known ?? {
      ...(body as StoredReading),
      stream_id: `1705314600000-${this.accepted.length}`,
      ingested_at: key,
    };
    if (known === undefined) this.accepted.push(reading);
    return json({ status: 'accepted', stream_id: reading.stream_id }, 201);
  }

  /** What is asked about a site; its events never come. */
  private ofSite(request: SeenRequest): Response | Promise<Response> {
    const { method, path, query } = request;
    const [, id = '', what = ''] = /^\/api\/sites\/([^/]+)(?:\/([a-z]+))?$/.exec(path) ?? [];
    const site = decodeURIComponent(id);
    const all = [
      ...(this.stored.get(site) ?? []),
      ...this.accepted.filter(({ site_id }) => site_id === site),
    ];
    const body = method === 'GET' ? this.bodyOfSite(site, what, all, query) : null;
    if (body !== null) return json(body);
    if (method === 'GET' && what === 'events') return silence();
    return problem(404, 'site_not_found');
  }

  private bodyOfSite(
    site: string,
    what: string,
    all: StoredReading[],
    query: URLSearchParams,
  ): object | null {
    const rows = selected(all, query, this.now());
    switch (what) {
      case '':
        return summaryOf(site, rows);
      case 'devices':
        return rows.length === 0 ? null : devicesOf(site, rows);
      case 'readings':
        return pageOf(site, rows, query);
      case 'aggregates':
        return aggregatesOf(site, rows, query, this.now());
      default:
        return null;
    }
  }
}

function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}
