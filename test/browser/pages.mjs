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

// judge asks axe-core.
async function judge(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, help, nodes }) => `axe ${id}: ${help}: ${nodes.map((n) => n.html).join(' ')}`);
}

// tabs walks once around the page by keyboard, from where the focus is. Every control must be reached in the order it is written,
// with a visible ring.
async function tabs(page) {
  const { controls, start } = await page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]):not(.unseen)')];
    return { controls: all.map((e) => e.outerHTML), start: all.indexOf(document.activeElement) };
  });
  const expected = [...controls.slice(start + 1), ...controls.slice(0, start + 1)];
  const reached = [];
  const found = [];
  for (let presses = 0; presses <= controls.length && reached.length < controls.length; presses += 1) {
    await page.keyboard.press('Tab');
    const { body, html, ring } = await page.evaluate(() => {
      const e = document.activeElement;
      return { body: e === document.body, html: e.outerHTML, ring: getComputedStyle(e).outlineStyle };
    });
    if (body) continue; // behind the last control comes the browser's own bar
    reached.push(html);
    if (ring === 'none') found.push(`no focus ring on ${html}`);
  }
  if (JSON.stringify(reached) !== JSON.stringify(expected)) {
    found.push(`Tab goes to\n${reached.join('\n')}\ninstead of\n${expected.join('\n')}`);
  }
  return found;
}

await withBrowser(async (browser) => {
  const findings = [];
  const documents = {};
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
      (await page.evaluate(measure)).forEach(report);
      await page.screenshot({ path: `${input.screenshots}/${sample}-${variant}.png`, fullPage: true, animations: 'disabled', caret: 'initial' });
      // axe waits for promises, which never settle where scripts are off: the same document there has the same accessibility.
      if (variant === 'light') documents[sample] = await page.locator('main').innerHTML();
      if (variant === 'no-script' && documents[sample] !== (await page.locator('main').innerHTML())) report('is another document without JavaScript');
      if (options.forcedColors === undefined && variant !== 'no-script') (await judge(page)).forEach(report);
      if (variant === 'light') (await tabs(page)).forEach(report);
      // The browser reports every page that is not answered with 200 as an error; that is what those pages are.
      complaints.filter((c) => response.ok() || !c.startsWith('Failed to load resource')).forEach(report);
      looked += 1;
    }
    await context.close();
  }
  return { looked, findings };
});
