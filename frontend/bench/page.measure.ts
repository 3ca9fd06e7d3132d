/** What the page costs, beside what it may: `npm run measure` writes `docs/page-benchmarks.md`. */
import { cpus } from 'node:os';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendBatch } from '../e2e/batch';
import { type Product, startProduct } from '../e2e/product';
import {
  deviceOf,
  HOUSE,
  importHouses,
  importRows,
  LARGE,
  LARGE_ROWS,
  manySites,
  row,
  rowsOf,
  SITES,
  SMALL,
  SMALL_ROWS,
  untilStored,
} from './data-set';
import { type Figure, kilobytes, median, megabytes, milliseconds, record, seconds, tableOf } from './figures';
import { type Load, MeasuredBrowser, type View } from './measured-page';
import { residentBytes } from './memory';
import type { Task } from './trace';

/** The median of these is written down. */
const RUNS = Number(process.env.RUNS ?? 5);
const DOCUMENT = new URL('../../docs/page-benchmarks.md', import.meta.url);
const SLOW = { bitsPerSecond: 1_600_000, latencyMs: 150 };
const PHONE = { width: 390, height: 844 };

let full: Product;
/** Of one site of a hundred readings, and no other. */
let small: Product;
let browser: MeasuredBrowser;
const figures: Figure[] = [];

beforeAll(async () => {
  [full, small] = [await startProduct({ LOG_LEVEL: 'warn' }), await startProduct({ LOG_LEVEL: 'error' })];
  await importHouses(full.url);
  await importRows(full.url, manySites());
  await importRows(full.url, rowsOf(LARGE_ROWS));
  for (const { url } of [full, small]) await importRows(url, rowsOf(SMALL_ROWS));
  await untilStored(full.url, LARGE, LARGE_ROWS.devices * LARGE_ROWS.readings);
  browser = await MeasuredBrowser.launch();
}, 600_000);

afterAll(async () => {
  await browser?.close();
  await full?.stop();
  await small?.stop();
  // Nothing was measured: the figures of before stay.
  if (figures.length === 0) return;
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model}, ${new Date().toISOString().slice(0, 10)}, median of ${RUNS}`;
  await record(DOCUMENT, `${tableOf(figures)}\n\n${machine}.`);
});

function note(name: string, before: string | null, value: string, target: string): void {
  figures.push({ name, before, value, target });
  process.stdout.write(`${name}: ${value} (${target})\n`);
}

/** Loads a view again and again; the last page is left open. */
async function loads(view: View): Promise<{ last: Load; of: (read: (load: Load) => number) => number }> {
  const all: Load[] = [];
  for (let run = 0; run < RUNS; run++) {
    await all.at(-1)?.page.context().close();
    all.push(await browser.load(view));
  }
  return { last: all.at(-1) as Load, of: (read) => median(all.map(read)) };
}

const ofHouse = () => ({ url: full.url, query: { site: HOUSE } });
const ofLarge = () => ({ url: full.url, query: { site: LARGE, range: 'all' } });

describe('a year of a house', () => {
  it('is received in a few bytes', async () => {
    const { last, of } = await loads(ofHouse());
    const [page, all] = [of((load) => load.pageBytes), of((load) => load.pageBytes + load.dataBytes)];
    note('page, its scripts and styles, compressed', '54 KB, sent as 132 KB', kilobytes(page), '≤ 80 KB');
    note('all of that, and the data of the year of a house', '3.48 MB', kilobytes(all), '≤ 150 KB');
    note('chart of it', '–', seconds(of((load) => load.chartMs)), '≤ 1 s');
    await last.page.context().close();
    expect(page).toBeLessThanOrEqual(80_000);
    expect(all).toBeLessThanOrEqual(150_000);
  });

  it.each(['de-DE', 'fr-FR', 'es-ES'])('is received in a few bytes in %s', async (locale) => {
    const { page, pageBytes } = await browser.load({ ...ofHouse(), locale });
    note(`page in ${locale.slice(0, 2)}`, null, kilobytes(pageBytes), '≤ 80 KB');
    await page.context().close();
    expect(pageBytes).toBeLessThanOrEqual(80_000);
  });

  it('is drawn soon on a slow line', async () => {
    const { last, of } = await loads({ ...ofHouse(), network: SLOW });
    note('chart of it at 1.6 Mbit/s and 150 ms', null, seconds(of((load) => load.chartMs)), '≤ 2.5 s');
    await last.page.context().close();
    expect(of((load) => load.chartMs)).toBeLessThanOrEqual(2500);
  });

  it.each([
    ['a desktop', undefined, '0.03'],
    ['a phone', PHONE, '0.64'],
  ])('does not move on %s', async (name, viewport, before) => {
    const { page, shift } = await browser.load({ ...ofHouse(), ...(viewport && { viewport }) });
    note(`layout shift (CLS) on ${name}`, before, shift.toFixed(3), '< 0.1');
    await page.context().close();
    expect(shift).toBeLessThan(0.1);
  });
});

describe('a site of a hundred readings, alone and beside 10,000 sites', () => {
  it('is drawn as soon', async () => {
    const query = { site: SMALL };
    const [alone, among] = [await loads({ url: small.url, query }), await loads({ url: full.url, query })];
    const [aloneMs, amongMs] = [alone, among].map(({ of }) => of((load) => load.chartMs)) as [number, number];
    note('chart of a site of 100 readings', '0.36 s', seconds(aloneMs), '≤ 1 s');
    note(`the same beside ${SITES.toLocaleString('en')} sites`, null, seconds(amongMs), '≤ 1 s');
    await listAndFind(among.last.page);
    for (const { last } of [alone, among]) await last.page.context().close();
    expect(amongMs).toBeLessThanOrEqual(1000);
  });
});

/** The last of them is found by its name. */
async function listAndFind(page: Page): Promise<void> {
  const search = page.getByRole('searchbox');
  await search.focus();
  const { longest } = await browser.mainThread(full.url, async () => {
    await page.keyboard.type('site-09999');
    await page.waitForResponse(/\/api\/sites\?/);
    await page.waitForTimeout(500);
  });
  await page.getByRole('link', { name: /^site-09999/ }).waitFor();
  note('longest task while one of them is found', null, taskText(longest), '≤ 50 ms');
}

const taskText = ({ wallMs, cpuMs }: Task) => `${milliseconds(wallMs)} (CPU ${milliseconds(cpuMs)})`;

describe('a site of a million readings', () => {
  let load: Load;

  it('is drawn as soon as one of a hundred', async () => {
    const { last, of } = await loads(ofLarge());
    load = last;
    const task = {
      wallMs: of(({ main }) => main.longest.wallMs),
      cpuMs: of(({ main }) => main.longest.cpuMs),
    };
    note('chart of a million readings', '3.7 s', seconds(of((each) => each.chartMs)), '≤ 1 s');
    note('data of it', '191.7 MB', kilobytes(of((each) => each.dataBytes)), '');
    note('longest task while it is loaded', '147 ms', taskText(task), '≤ 50 ms');
    expect(of((each) => each.chartMs)).toBeLessThanOrEqual(1000);
    expect(task.cpuMs).toBeLessThanOrEqual(50);
  });

  it.each<[string, string | null, (page: Page) => Promise<unknown>]>([
    ['zoom', '101 ms', zoom],
    ['switch of a device', '84 ms', switchDevice],
    ['live reading', null, sendLive],
  ])('stays responsive during a %s', async (name, before, use) => {
    const tasks: Task[] = [];
    for (let run = 0; run < RUNS; run++) {
      const { longest } = await browser.mainThread(full.url, () => use(load.page));
      tasks.push(longest);
    }
    const task = {
      wallMs: median(tasks.map(({ wallMs }) => wallMs)),
      cpuMs: median(tasks.map(({ cpuMs }) => cpuMs)),
    };
    note(`longest task during a ${name}`, before, taskText(task), '≤ 50 ms');
    expect(task.cpuMs).toBeLessThanOrEqual(50);
  });
});

describe('the memory of the tab', () => {
  it('is small at a million readings', async () => {
    // A browser that has done nothing else.
    await browser.close();
    browser = await MeasuredBrowser.launch();
    const { page, main } = await browser.load(ofLarge());
    const loaded = await residentBytes(main.pid);
    for (let turn = 0; turn < 2; turn++) for (const use of [zoom, switchDevice, sendLive]) await use(page);
    const used = await residentBytes(main.pid);
    note('memory after a million readings were loaded', '403 MB', megabytes(loaded), '≤ 250 MB');
    note('memory after use', '496 MB', megabytes(used), '≤ 250 MB');
    expect(used).toBeLessThanOrEqual(250e6);
  });
});

/** By coordinates: to find an element costs the page more than to click on it. */
async function click(page: Page, control: Locator): Promise<void> {
  const box = await control.boundingBox();
  if (box === null) throw new Error('it is not on the screen');
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
}

/** In, and out again. */
async function zoom(page: Page): Promise<void> {
  const [into, out] = [
    page.locator('.tools button:nth-child(3)').first(),
    page.locator('.tools button:nth-child(4)').first(),
  ];
  for (const control of [into, into, out, out]) {
    const loaded = page.waitForResponse(/aggregates/);
    await click(page, control);
    await loaded;
    await page.waitForTimeout(300);
  }
}

/** Off, and on again. */
async function switchDevice(page: Page): Promise<void> {
  for (let turn = 0; turn < 2; turn++) {
    const loaded = page.waitForResponse(/aggregates/);
    await click(page, page.locator('.legend input').first());
    await loaded;
    await page.waitForTimeout(300);
  }
}

/** Until the page has loaded it. */
async function sendLive(page: Page): Promise<void> {
  const loaded = page.waitForResponse(/aggregates/);
  await sendBatch(full.url, [row(LARGE, deviceOf(0), 4321, Date.now())]);
  await loaded;
  await page.waitForTimeout(1000);
}
