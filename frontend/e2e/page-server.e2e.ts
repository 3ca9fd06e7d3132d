/** What the program's own server does for the page, as nginx of the image does: by requests, without a browser. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from './product';

const HTML = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

let product: Product;
/** The paths of the script and the style sheet. */
let assets: string[];

beforeAll(async () => {
  product = await startProduct();
  const index = await (await ask('/')).text();
  assets = [...index.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
});

afterAll(() => product?.stop());

const ask = (path: string, init: RequestInit = {}) => fetch(new URL(path, product.url), init);

describe('the server of the page', () => {
  it('has the page revalidated, and its assets kept for ever', async () => {
    expect((await ask('/')).headers.get('cache-control')).toBe('no-cache');
    expect(assets.length).toBeGreaterThanOrEqual(2);
    for (const path of assets) expect((await ask(path)).headers.get('cache-control')).toContain('immutable');
  });

  it('responds to HEAD as to GET, without the body', async () => {
    for (const path of ['/', ...assets, '/api/docs', '/ingestion/docs']) {
      const [get, head] = [await ask(path), await ask(path, { method: 'HEAD' })];
      expect([head.status, await head.text()]).toEqual([200, '']);
      for (const name of ['etag', 'content-type', 'content-security-policy', 'x-content-type-options'])
        expect(head.headers.get(name), `${name} of ${path}`).toBe(get.headers.get(name));
    }
  });

  it('sends nothing again that is unchanged', async () => {
    for (const path of ['/', ...assets, '/favicon.svg', '/api/docs', '/ingestion/docs']) {
      const tag = (await ask(path)).headers.get('etag') ?? '';
      expect(tag).toMatch(/^(?:W\/)?"[^"]+"$/);
      const again = await ask(path, { headers: { 'If-None-Match': tag } });
      expect([again.status, await again.text()], path).toEqual([304, '']);
      expect((await ask(path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    }
  });

  it('compresses what is long, and says nothing that could be taken for something else', async () => {
    for (const path of [...assets, '/api/docs']) {
      const { headers } = await ask(path, { headers: { 'Accept-Encoding': 'gzip' } });
      expect(headers.get('content-encoding'), path).toBe('gzip');
      expect(headers.get('vary')).toContain('accept-encoding');
    }
    for (const path of ['/', ...assets, '/nothing', '/api/docs', '/api/sites', '/ingestion/health']) {
      const { headers } = await ask(path);
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('referrer-policy'), path).toBe('same-origin');
    }
  });

  it('permits only what it sends itself, in no frame', async () => {
    for (const path of ['/', '/index.html', '/api/docs', '/ingestion/docs']) {
      const policy = (await ask(path)).headers.get('content-security-policy') ?? '';
      expect(policy, path).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
    }
  });

  it('has a page for a reader at a path that does not exist, and an error body for a program', async () => {
    const page = await ask('/nothing', { headers: HTML });
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain('href="/"');
    const error = await ask('/nothing');
    expect([error.status, (await error.json()).code]).toEqual([404, 'not_found']);
  });
});

describe('events through the server of the page', () => {
  it('are sent as they come, uncompressed', async () => {
    const timestamp = new Date().toISOString();
    const reading = { site_id: 'live', device_id: 'meter', power_reading: 1, timestamp };
    const events = await ask('/api/sites/live/events', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(events.headers.get('content-type')).toContain('text/event-stream');
    expect(events.headers.get('content-encoding')).toBeNull();
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    const headers = { 'Content-Type': 'application/json' };
    await ask('/api/readings', { method: 'POST', headers, body: JSON.stringify(reading) });
    let text = '';
    while (!/event: reading\n.*\n\n/.test(text)) text += (await reader?.read())?.value ?? '';
    expect(text).toContain('"site_id": "live"');
    await reader?.cancel();
  });
});
