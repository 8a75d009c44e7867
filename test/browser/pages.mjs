// Looks at every page of the gallery in every variant: a picture, axe, and what axe does not see.
import { input, open, withBrowser } from './lib.mjs';
import { judge, measure, narrow, tabs, wide } from './look.mjs';

const variants = [
  { name: 'light', options: { viewport: wide, colorScheme: 'light' } },
  { name: 'dark', options: { viewport: wide, colorScheme: 'dark' } },
  { name: 'narrow', options: { viewport: narrow, colorScheme: 'light', hasTouch: true, isMobile: true } },
  { name: 'no-script', options: { viewport: wide, colorScheme: 'light', javaScriptEnabled: false } },
  { name: 'high-contrast', options: { viewport: wide, colorScheme: 'dark', forcedColors: 'active' } },
];

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
