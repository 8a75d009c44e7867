// What every script needs: the input, a browser, and where to write the result.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const input = JSON.parse(readFileSync(process.argv[2], 'utf8'));

// Chromium's own requests to the network are switched off: there is none. Root needs --no-sandbox.
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--hide-scrollbars',
];

// withBrowser calls work with a browser, prints what it returns as the result, and closes the browser whatever happens.
export async function withBrowser(work) {
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: flags, headless: true });
  try {
    process.stdout.write(JSON.stringify(await work(browser)));
  } finally {
    await browser.close();
  }
}

// open makes a page that trusts the test's own certificate. watch collects what the browser complains of.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', timezoneId: 'UTC', ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, context, complaints };
}
