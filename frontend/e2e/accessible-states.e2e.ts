/** What axe can check, in every state of the page and both themes; and text that its reader makes larger. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violations } from './accessibility';
import { type Browser, openBrowser } from './browser';
import { type Product, startProduct } from './product';

const SITE = 'house-01';
const THEMES = ['light', 'dark'] as const;
/** A blank one, one that turns the text around, one of 256 bytes, one with markup. */
const AWKWARD = [' ', '\u202eetis-evil', 'long '.repeat(51).trimEnd().padEnd(256, 'x'), '<b>&amp;</b>/é"\''];

/** MQTT without its broker, and a topic without a rule. */
const RECEIVERS = {
  receivers: [
    {
      name: 'mqtt',
      since: '2024-01-15T09:00:00Z',
      accepted: 1200,
      replayed: 3,
      rejected: 0,
      unmapped: 7,
      last_accepted_at: '2024-01-15T10:29:00Z',
      connections: { processes: 1, open: 0 },
      not_accepted: [
        {
          outcome: 'unmapped',
          name: 'tele/x/STATE',
          reason: 'the topic is not in MQTT_TOPICS',
          rows: 7,
          last_at: '2024-01-15T10:28:00Z',
        },
      ],
    },
  ],
};

/** A process that has packed days, and an archive that is away. */
const TIER_RUNS = {
  packing: [
    {
      consumer: 'proc-0',
      state: 'done',
      started_at: '2024-01-15T10:28:59Z',
      ended_at: '2024-01-15T10:29:00Z',
      sites: 100,
      days: 3,
      readings: 4_320,
      not_packed: 1,
      oldest_waiting_day: '2024-01-03',
      last_success_at: '2024-01-15T10:29:00Z',
      last_error: null,
    },
  ],
  archiving: {
    state: 'failed',
    started_at: '2024-01-15T10:00:00Z',
    ended_at: '2024-01-15T10:01:00Z',
    days_due: 40,
    days: 10,
    changed: 0,
    watermark: '2023-12-10',
    last_success_at: '2024-01-15T09:01:00Z',
    last_error: { at: '2024-01-15T10:01:00Z', message: 'the archive is away' },
  },
};

let product: Product;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  // One of its own, with a dead letter.
  product = await startProduct({ LOG_LEVEL: 'info' });
  for (const site of [SITE, ...AWKWARD]) await store(site);
  await product.redis?.command('XADD', 'energy_readings', '*', 'garbage', 'x');
  browser = await openBrowser(product.url);
  page = await browser.context.newPage();
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
});

async function store(site_id: string): Promise<void> {
  const body = JSON.stringify({
    site_id,
    device_id: 'main-meter',
    power_reading: 1500,
    timestamp: '2024-01-15T10:30:00Z',
  });
  const headers = { 'Content-Type': 'application/json' };
  const { status } = await fetch(new URL('/api/readings', product.url), { method: 'POST', headers, body });
  expect(status).toBe(201);
}

const at = (site: string) => `/?${new URLSearchParams({ site })}`;
const form = () => page.getByRole('region', { name: 'Send a reading' });

/** How to get to each state, and what shows that it is there. */
const STATES: Record<string, () => Promise<unknown>> = {
  'before a site is picked': async () => {
    await page.goto('/');
    await page.getByRole('heading', { name: 'Pick a site' }).waitFor();
  },
  'with a site': async () => {
    await page.goto(at(SITE));
    await page.locator('.plot canvas').waitFor();
  },
  'with a site without readings': async () => {
    await page.goto(at('nothing'));
    await page.getByRole('heading', { name: 'No readings' }).waitFor();
  },
  'with errors in the form': async () => {
    await page.goto('/');
    await form().getByLabel('Power (W)', { exact: true }).fill('12abc');
    await form().getByRole('button', { name: 'Send' }).click();
    await page.getByText('This is not a number').waitFor();
  },
  'with a stored reading': async () => {
    await page.goto(at(SITE));
    await form().getByLabel('Device', { exact: true }).fill('sub-meter');
    await form().getByLabel('Power (W)', { exact: true }).fill('1.500,5');
    await form().getByRole('button', { name: 'Send' }).click();
    await form()
      .getByText(/Stored after/)
      .waitFor();
  },
  'with dead letters, one of them about to be deleted': async () => {
    await page.goto('/');
    await page.getByRole('button', { name: 'Show 1 dead letter' }).click();
    await page.getByRole('button', { name: /^Delete / }).click();
    await page.getByText('Delete this entry for good?').waitFor();
  },
  'with tables in place of its charts': async () => {
    await page.goto(at(SITE));
    await page.locator('.plot canvas').waitFor();
    for (const table of await page.getByRole('button', { name: 'Table' }).all()) await table.click();
    await page.getByRole('region', { name: 'Energy: table' }).waitFor();
  },
  'with a device that its site does not have': async () => {
    await page.goto(`${at(SITE)}&device=nope`);
    await page.getByText('This site has no device of this name').waitFor();
  },
  'with a site that no address can name': async () => {
    await page.goto(at('..'));
    await page.getByRole('heading', { name: 'This site cannot be shown' }).waitFor();
  },
  'with an error of its own': async () => {
    await page.route('**/api/pipeline', (route) => route.fulfill({ json: {} }));
    await page.goto('/');
    await page.getByText('This part of the page has an error.').waitFor();
  },
  'with receivers, one of them not connected': async () => {
    await page.route('**/api/pipeline/receivers', (route) => route.fulfill({ json: RECEIVERS }));
    await page.goto('/');
    await page.getByText('Receivers', { exact: true }).click();
    await page.getByText('Not connected').waitFor();
    await page.getByText('What was not accepted').click();
    await page.getByText('the topic is not in MQTT_TOPICS').waitFor();
  },
  'with runs of packing and archiving, one of which has failed': async () => {
    await page.route('**/api/pipeline', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), ...TIER_RUNS } });
    });
    await page.goto('/');
    await page.getByText('the archive is away').waitFor();
  },
  'with the tiers of stored readings': async () => {
    const tier = { readings: 1_440, days: 1, memory_bytes: 25_000 };
    const tiers = { sites: 100, sampled_sites: 64, hot: tier, packed: tier, archived: tier };
    await page.route('**/api/pipeline', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), tiers } });
    });
    await page.goto('/');
    await page.getByText('Stored readings by age').click();
    await page.getByText('Estimated from 64 sites of 100.').waitFor();
  },
  'without its server': async () => {
    await page.goto(at(SITE));
    await page.locator('.plot canvas').waitFor();
    await page.route(/\/(?:api|ingestion)\//, (route) => route.abort());
    await page.getByText('The server does not answer.').waitFor();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('These readings could not be refreshed.').waitFor();
  },
};
for (const [index, site] of AWKWARD.entries()) {
  STATES[`with an awkward site, ${index}`] = async () => {
    await page.goto(at(site));
    await page.locator('.plot canvas').waitFor();
  };
}

STATES['in place of a page that is missing'] = async () => {
  await page.goto('/nothing');
  await page.getByRole('heading', { name: '404' }).waitFor();
};

describe.each(Object.keys(STATES))('the page %s', (state) => {
  it.each(THEMES)('breaks no rule of WCAG 2.2 AA that axe can check, when %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // The second theme follows in the state that the first has left.
    if (colorScheme === THEMES[0]) {
      await page.unrouteAll();
      await STATES[state]?.();
    }
    expect(await violations(page)).toEqual([]);
  });
});

/** WCAG 1.4.4 and 1.4.12; an adopted sheet, since the page's policy lets no style in. */
const LARGER = `html { font-size: 200% }
  * { letter-spacing: .12em !important; word-spacing: .16em !important; line-height: 1.5 !important }`;

describe('text of twice the size, and further apart', () => {
  it.each([1360, 390])('fits a page of %i pixels', async (width) => {
    await page.unrouteAll();
    await page.setViewportSize({ width, height: 960 });
    await page.goto(at(SITE));
    await page.locator('.plot canvas').waitFor();
    await page.evaluate((css) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets = [sheet];
    }, LARGER);
    expect(await stickingOut()).toEqual([]);
    expect(await cutTexts()).toEqual([]);
  });
});

/** What makes the page scroll sideways. */
function stickingOut(): Promise<string[]> {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const isWide = (element: Element) =>
      !element.closest('.table-box') && element.getBoundingClientRect().right > innerWidth;
    const wide = [...document.querySelectorAll('body *')].filter(isWide);
    return [
      `${document.documentElement.scrollWidth} px`,
      ...wide.map(({ tagName, className }) => `${tagName} ${className}`),
    ];
  });
}

/** Texts that do not fit their box and are cut there; a table scrolls in its own. */
function cutTexts(): Promise<string[]> {
  return page.evaluate(() => {
    const isCut = (element: Element) => {
      const { overflowX, textOverflow } = getComputedStyle(element);
      const isWide = element.scrollWidth > element.clientWidth + 1;
      return isWide && element.clientWidth > 1 && (overflowX === 'hidden' || textOverflow === 'ellipsis');
    };
    const elements = [...document.querySelectorAll('button, label, h1, h2, p, dt, dd, a')];
    return elements.filter(isCut).map((element) => `${element.tagName} ${element.textContent}`);
  });
}
