/** The pictures of the documents: `npm run screenshots`. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Browser, openBrowser } from '../e2e/browser';
import type { Product } from '../e2e/product';
import { NOW, startEmpty, startIn2017, ZONE } from './product-in-2017';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const MAX_BYTES = 150_000;
const DESKTOP = { width: 1360, height: 1000 };
const PHONE = { width: 390, height: 844 };

let product: Product;
let empty: Product;
let browser: Browser;

beforeAll(async () => {
  [product, empty] = [await startIn2017(), await startEmpty()];
  browser = await openBrowser(product.url, ZONE);
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
  await empty?.stop();
});

interface Picture {
  viewport: { width: number; height: number };
  theme: 'light' | 'dark';
  query: Record<string, string>;
  /** What is done to the page once its chart is drawn. */
  prepare?: (page: Page) => Promise<unknown>;
}

const PICTURES: Record<string, Picture> = {
  light: { viewport: DESKTOP, theme: 'light', query: { site: 'house-01', range: 'week' } },
  dark: { viewport: DESKTOP, theme: 'dark', query: { site: 'house-17', range: 'month' } },
  phone: { viewport: PHONE, theme: 'light', query: { site: 'house-01' } },
  error: {
    viewport: DESKTOP,
    theme: 'light',
    query: { site: 'house-01', range: 'week' },
    prepare: loseServer,
  },
};

it.each(Object.entries(PICTURES))('takes the picture %s', async (name, picture) => {
  const page = await openPage(picture, product.url);
  await page.locator('.plot canvas').waitFor();
  await page.locator('.bar').first().waitFor();
  await page.locator('.reading').first().waitFor();
  await picture.prepare?.(page);
  await take(page, name);
});

it('takes the picture empty', async () => {
  const page = await openPage({ viewport: DESKTOP, theme: 'light', query: {} }, empty.url);
  await page.getByText('Healthy').waitFor();
  await take(page, 'empty');
});

async function openPage({ viewport, theme, query }: Picture, url: string): Promise<Page> {
  const page = await browser.context.newPage();
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  await page.clock.setFixedTime(NOW);
  await page.goto(new URL(`/?${new URLSearchParams(query)}`, url).href);
  return page;
}

/** As when the cable is out: what is shown is marked as old. */
async function loseServer(page: Page): Promise<void> {
  await page.route(/\/(?:api|ingestion)\//, (route) => route.abort());
  await page.getByText('The server does not answer.').waitFor();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('These readings could not be refreshed.').waitFor();
}

/** In 256 colours. */
async function take(page: Page, name: string): Promise<void> {
  const path = `${IMAGES}${name}.png`;
  await page.waitForTimeout(1000);
  await page.screenshot({ path });
  await promisify(execFile)('pngquant', ['--force', '--strip', '--speed', '1', '--output', path, path]);
  expect((await stat(path)).size).toBeLessThan(MAX_BYTES);
  await page.close();
}
