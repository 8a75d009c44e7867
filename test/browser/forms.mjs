// Fills in forms as a person does: by keyboard, with and without JavaScript. The Go test says what the server then saw.
import { input, open, withBrowser } from './lib.mjs';

// signIn types into the focused page and presses Enter. It returns where the browser ended up.
async function signIn(page, address) {
  await page.goto(address);
  await page.locator('#username:focus').waitFor();
  await page.keyboard.type(input.username);
  await page.keyboard.press('Tab');
  await page.locator('#password:focus').waitFor();
  await page.keyboard.type(input.password);
  await page.keyboard.press('Enter');
  await page.waitForLoadState();
  return page.url();
}

await withBrowser(async (browser) => {
  const result = {};
  for (const javaScriptEnabled of [true, false]) {
    const { page, context, complaints } = await open(browser, { javaScriptEnabled });
    const settled = async (address) => {
      await page.waitForURL(address);
      return page.url();
    };
    const seen = {};

    await signIn(page, `${input.base}/allowed`);
    seen.signedIn = await settled(`${input.elsewhere}/**`);

    complaints.length = 0;
    const refused = page.waitForEvent('console', (message) => message.text().includes('form-action'));
    await signIn(page, `${input.base}/unlisted`);
    await refused;
    seen.refused = page.url();

    await signIn(page, `${input.base}/handed-over`);
    seen.handedOver = await settled(`${input.application}/**`);

    await page.goto(`${input.base}/confirm`);
    await page.getByRole('button', { name: 'Deny' }).press('Enter');
    seen.denied = await settled(`${input.base}/decided*`);

    await page.goto(`${input.base}/form-post`, { waitUntil: 'commit' });
    if (!javaScriptEnabled) await page.getByRole('button').click();
    seen.posted = await settled(`${input.elsewhere}/posted`);

    result[javaScriptEnabled ? 'script' : 'noScript'] = seen;
    await context.close();
  }
  return result;
});
