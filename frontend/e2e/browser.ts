/** A browser without requests of its own, and a log of the errors and requests of a page. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const QUIET = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Browser {
  context: BrowserContext;
  close(): Promise<void>;
}

// A zone with an offset that changes: a page that mixed up local time and UTC would show it here.
const ZONE = 'Europe/Paris';

export async function openBrowser(url: string, timezoneId = ZONE): Promise<Browser> {
  const userData = await mkdtemp(join(tmpdir(), 'energy-pipeline-chromium-'));
  const context = await chromium.launchPersistentContext(userData, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: QUIET,
    baseURL: url,
    viewport: { width: 1360, height: 960 },
    timezoneId,
    locale: 'en-GB',
  });
  context.setDefaultTimeout(20_000);
  const close = async () => {
    await context.close();
    await rm(userData, { recursive: true, force: true });
  };
  return { context, close };
}

export interface PageLog {
  /** Errors on the console and uncaught ones. */
  errors: string[];
  /** Origins that the page or its workers sent requests to. */
  origins: Set<string>;
}

export function pageLog(page: Page): PageLog {
  const log: PageLog = { errors: [], origins: new Set() };
  page.on('console', (message) => {
    if (message.type() === 'error')
      log.errors.push(`${message.text()} ${new URL(message.location().url).pathname}`);
  });
  page.on('pageerror', (error) => log.errors.push(String(error)));
  page.on('request', (request) => log.origins.add(new URL(request.url()).origin));
  return log;
}
