// Looks at every page of the gallery in every variant: a picture, axe, and what axe does not see.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { input, open, withBrowser } from './lib.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const wide = { width: 1024, height: 768 };
const narrow = { width: 320, height: 640 };
const variants = [
  { name: 'light', options: { viewport: wide, colorScheme: 'light' } },
  { name: 'dark', options: { viewport: wide, colorScheme: 'dark' } },
  { name: 'narrow', options: { viewport: narrow, colorScheme: 'light', hasTouch: true, isMobile: true } },
  { name: 'narrow-dark', options: { viewport: narrow, colorScheme: 'dark', hasTouch: true, isMobile: true } },
  { name: 'no-script', options: { viewport: wide, colorScheme: 'light', javaScriptEnabled: false } },
  { name: 'high-contrast', options: { viewport: wide, colorScheme: 'dark', forcedColors: 'active' } },
];

// measure runs in the page. It returns what is wrong with the layout, in words.
function measure() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth} px`);
  if (document.querySelectorAll('h1').length !== 1) found.push('has not exactly one h1');
  for (const element of document.querySelectorAll('a, button, input:not([type=hidden]):not(.unseen)')) {
    const { width, height } = element.getBoundingClientRect();
    if (width < 44 || height < 44) found.push(`<${element.tagName} ${element.name || ''}> is ${width}x${height} px, less than 44`);
  }
  for (const element of document.querySelectorAll('[style], [onclick], [onload], [onsubmit]')) {
    found.push(`<${element.tagName}> has an inline style or handler`);
  }
  for (const id of [...document.querySelectorAll('[aria-describedby]')].flatMap((e) => e.getAttribute('aria-describedby').split(' '))) {
    if (!document.getElementById(id)) found.push(`aria-describedby names #${id}, which is not there`);
  }
  return found;
}

// tabs walks through the page by keyboard. Every control must be reached in the order it is written, with a visible ring.
async function tabs(page) {
  const expected = await page.evaluate(() => {
    document.activeElement?.blur();
    return [...document.querySelectorAll('a[href], button, input:not([type=hidden]):not(.unseen)')].map((e) => e.outerHTML.slice(0, 80));
  });
  const found = [];
  for (const want of expected) {
    await page.keyboard.press('Tab');
    const got = await page.evaluate(() => {
      const e = document.activeElement;
      return { html: e.outerHTML.slice(0, 80), ring: getComputedStyle(e).outlineStyle };
    });
    if (got.html !== want) found.push(`Tab led to ${got.html} instead of ${want}`);
    if (got.ring === 'none') found.push(`no focus ring on ${got.html}`);
  }
  return found;
}

await withBrowser(async (browser) => {
  const findings = [];
  let looked = 0;
  for (const { name: variant, options } of variants) {
    const { page, context, complaints } = await open(browser, options);
    // Nothing but the gallery is there. An answer without content leaves the page where it is.
    await context.route((url) => url.origin !== input.base, (route) => route.fulfill({ status: 204 }));
    for (const sample of input.pages) {
      const report = (problem) => findings.push({ page: sample, variant, problem });
      complaints.length = 0;
      const response = await page.goto(`${input.base}/${sample}`, { waitUntil: 'commit' });
      await page.locator('main').waitFor();
      await page.screenshot({ path: `${input.screenshots}/${sample}-${variant}.png`, fullPage: true, animations: 'disabled' });
      (await page.evaluate(measure)).forEach(report);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
      for (const { id, help, nodes } of violations) report(`axe ${id}: ${help}: ${nodes.map((n) => n.html).join(' ')}`);
      if (variant === 'light') (await tabs(page)).forEach(report);
      // The browser reports every page that is not answered with 200 as an error; that is what those pages are.
      complaints.filter((c) => response.ok() || !c.startsWith('Failed to load resource')).forEach(report);
      looked += 1;
    }
    await context.close();
  }
  return { looked, findings };
});
