// What makes a page a good one: what axe finds, what axe does not see, and the walk around it by keyboard.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const wide = { width: 1024, height: 768 };
export const narrow = { width: 320, height: 640 };

// measure runs in the page. It returns what is wrong with the layout, in words.
export function measure() {
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
export async function judge(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, help, nodes }) => `axe ${id}: ${help}: ${nodes.map((n) => n.html).join(' ')}`);
}

// tabs walks once around the page by keyboard, from where the focus is. Every control must be reached in the order it is written,
// with a visible ring.
export async function tabs(page) {
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
