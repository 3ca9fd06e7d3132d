/** Sites and devices whose ids have any character, from the list to the file that is downloaded. */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendBatch } from './batch';
import { type Browser, openBrowser, type PageLog, pageLog } from './browser';
import { type Product, startProduct } from './product';

const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
/** Of 256 bytes, the longest that there are. */
const LONGEST = `the longest ${'é'.repeat(122)}`;
const SITES = [
  PUNCTUATION,
  LONGEST,
  '%2F..%2Freadings?x=1#y',
  'مبنى ١',
  '👩‍🔬 laboratory 🏭',
  '  blanks around  ',
];

let product: Product;
let browser: Browser;
let page: Page;
let log: PageLog;

beforeAll(async () => {
  product = await startProduct();
  const timestamp = new Date(Date.now() - 60_000).toISOString();
  const rows = SITES.map((id) =>
    JSON.stringify({ site_id: id, device_id: id, power_reading: 1234.5, timestamp }),
  );
  await sendBatch(product.url, rows);
  browser = await openBrowser(product.url);
  page = await browser.context.newPage();
  log = pageLog(page);
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

describe.each(SITES)('the site %j', (id) => {
  it('is found, opened, and has its own address', async () => {
    await page.goto('/');
    await page.getByRole('searchbox').fill(id);
    const links = page.getByRole('navigation', { name: 'Sites' }).getByRole('link');
    await expect.poll(() => links.count()).toBe(1);
    await links.click();
    await page.getByRole('cell', { name: '1,234.5' }).first().waitFor();
    expect(new URL(page.url()).searchParams.get('site')).toBe(id);
    await page.reload();
    await page.getByRole('cell', { name: '1,234.5' }).first().waitFor();
  });

  it('has a file of its readings, with the id as it was sent', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download CSV' }).click(),
    ]);
    const [, row = ''] = (await readFile(await download.path(), 'utf8')).split('\r\n');
    expect(row).toContain(`"${id.replaceAll('"', '""')}"`.replace(/^"([^",]*)"$/, '$1'));
  });

  it('is shown by its only device, which can be asked for alone', async () => {
    await page.getByRole('button', { name: /^Only this device/ }).click();
    await page.waitForURL((url) => url.searchParams.get('device') === id);
    await page.getByRole('cell', { name: '1,234.5' }).first().waitFor();
  });
});

describe('the page', () => {
  it('has had no error and sent no request elsewhere', () => {
    expect(log.errors).toEqual([]);
    expect([...log.origins]).toEqual([new URL(product.url).origin]);
  });
});
