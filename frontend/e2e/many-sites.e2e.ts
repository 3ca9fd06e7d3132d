/** A list of more sites than a page of the service has. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, openBrowser } from './browser';
import { type Product, startProduct } from './product';

const SITES = 2_500;
const siteOf = (index: number) => `site-${String(index).padStart(4, '0')}`;

let product: Product;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  product = await startProduct({ LOG_LEVEL: 'info' });
  const readings = Array.from({ length: SITES }, (_, index) => ({
    site_id: siteOf(index),
    device_id: 'meter',
    power_reading: 1,
    timestamp: new Date().toISOString(),
  }));
  const { status } = await fetch(new URL('/api/readings/batch', product.url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(readings),
  });
  expect(status).toBe(200);
  browser = await openBrowser(product.url);
  page = await browser.context.newPage();
  await page.goto('/');
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

const list = () => page.getByRole('navigation', { name: 'Sites' });
const link = (index: number) => list().getByRole('link', { name: new RegExp(`^${siteOf(index)}`) });

describe('a list of 2,500 sites', () => {
  it('says that it has more than it shows', async () => {
    await link(0).waitFor();
    await page.getByText('more than 200').waitFor();
    expect(await list().getByRole('link').count()).toBeLessThan(50);
  });

  it('is scrolled down to its last site', async () => {
    for (let last = 0; last === 0; ) {
      await list().evaluate((box) => box.scrollTo(0, box.scrollHeight));
      last = await link(SITES - 1).count();
    }
    await page.getByRole('region', { name: 'Sites' }).getByText('2,500', { exact: true }).waitFor();
    expect(await list().getByRole('link').count()).toBeLessThan(50);
  });

  it('is searched on the server, beyond what was listed', async () => {
    await page.reload();
    await page.getByRole('searchbox').fill('site-249');
    await link(2499).click();
    await page.getByRole('heading', { level: 2, name: siteOf(2499) }).waitFor();
    expect(await link(2499).getAttribute('aria-current')).toBe('page');
  });

  it('is gone through with arrow keys, as one stop of the Tab key', async () => {
    await page.getByRole('searchbox').focus();
    for (const key of ['Tab', 'Tab', 'Home', 'ArrowDown', 'ArrowDown', 'Enter'])
      await page.keyboard.press(key);
    await page.getByRole('heading', { level: 2, name: siteOf(2492) }).waitFor();
  });

  it('is folded away on a phone once a site is picked', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await list().waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: siteOf(2492) }).click();
    await link(2491).click();
    await list().waitFor({ state: 'hidden' });
  });
});
