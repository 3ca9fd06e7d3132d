/** A page of another origin, in a browser that knows the product's: it writes nothing and reads nothing. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from './browser';
import { type Keys, newKeys } from './keys';
import { type Product, startProduct } from './product';

const READING = JSON.stringify({
  site_id: 'of another origin',
  device_id: 'meter',
  power_reading: 1,
  timestamp: '2024-01-15T10:30:00Z',
});

let product: Product;
let browser: Browser;
let other: Server;
let keys: Keys | null;
/** The header of a request that has the key, where the product needs one. */
let authorization: Record<string, string>;

async function start(withKeys: boolean): Promise<void> {
  keys = withKeys ? await newKeys() : null;
  authorization = keys === null ? {} : { Authorization: `Bearer ${await keys.create('read,write,operate')}` };
  product = await startProduct(keys?.settings);
  browser = await openBrowser(product.url);
  other = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<title>another origin</title>');
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
}

async function stop(): Promise<void> {
  other?.close();
  await browser?.close();
  await product?.stop();
  await keys?.remove();
}

/** A page of the other server: by its address the same site at another port, by a name another site. */
async function pageAt(host: string): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(`http://${host}:${(other.address() as AddressInfo).port}/`);
  return page;
}

/** The ingestion API and the processing service at their ports, and both behind the page's. */
function services(): { ingestion: string[]; processing: string[] } {
  const at = (url: string) => url.replace(/\/docs$/, '');
  const [ingestion, processing] = product.docs.map(at);
  const api = new URL('/api', product.url).href;
  return {
    ingestion: [api, new URL('/ingestion', product.url).href, ...(ingestion ? [ingestion] : [])],
    processing: [api, ...(processing ? [processing] : [])],
  };
}

/** What a page sees of the response to its request: the type, or that the browser keeps it from the page. */
function request(page: Page, url: string, init: RequestInit): Promise<string> {
  return page.evaluate(
    // A blob has no type: with a string the browser would send one that the service rejects in any case.
    ([to, how]) =>
      fetch(to, { ...how, body: how.body ? new Blob([how.body as string]) : null }).then(
        (response) => response.type,
        () => 'failed',
      ),
    [url, init] as const,
  );
}

/** The status of a request that a browser sends without asking for permission, and whose response no page sees. */
async function statusOfSimplePost(page: Page, url: string): Promise<number> {
  const [response, seen] = await Promise.all([
    page.waitForResponse((answer) => answer.url() === url),
    request(page, url, { method: 'POST', mode: 'no-cors', body: READING }),
  ]);
  expect(seen).toBe('opaque');
  return response.status();
}

async function sites(): Promise<string> {
  const response = await fetch(new URL('/api/sites', product.url), { headers: authorization });
  expect(response.status).toBe(200);
  return response.text();
}

describe.each([
  ['without API keys', false],
  // The worst case: the page of the other origin knows a key.
  ['with API keys', true],
])('a page of another origin, %s', (_, withKeys) => {
  beforeAll(() => start(withKeys));
  afterAll(stop);

  it('neither writes nor reads from another port of the host, nor from another site', async () => {
    const { ingestion, processing } = services();
    for (const host of ['127.0.0.1', 'localhost']) {
      const page = await pageAt(host);
      for (const service of ingestion) {
        const what = `${host} to ${service}`;
        expect(await statusOfSimplePost(page, `${service}/readings`), what).toBe(403);
        const headers = { 'Content-Type': 'application/json', ...authorization };
        const json = { method: 'POST', body: READING, headers };
        expect(await request(page, `${service}/readings`, json), what).toBe('failed');
      }
      for (const service of processing) {
        const what = `${host} to ${service}`;
        expect(await request(page, `${service}/sites`, {}), what).toBe('failed');
        expect(await request(page, `${service}/sites`, { headers: authorization }), what).toBe('failed');
        const deadLetter = `${service}/pipeline/dead-letters/5-0`;
        const deletion = { method: 'DELETE', headers: authorization };
        expect(await request(page, deadLetter, deletion), what).toBe('failed');
      }
      await page.close();
    }
    expect(await sites()).not.toContain('of another origin');
  });

  it('shows neither the page nor the documentation in a frame of another origin', async () => {
    const page = await pageAt('localhost');
    for (const url of [product.url, ...product.docs, new URL('/api/docs', product.url).href]) {
      const frame = await page.evaluateHandle((src) => {
        const element = document.createElement('iframe');
        element.src = src;
        document.body.append(element);
        return new Promise<HTMLIFrameElement>((resolve) =>
          element.addEventListener('load', () => resolve(element)),
        );
      }, url);
      const content = await frame.asElement()?.contentFrame();
      // Where the page and Swagger UI are drawn; the browser shows an error in their place.
      expect(await content?.locator('#app, #ui').count(), url).toBe(0);
    }
    await page.close();
  });
});
