// Goes through the real server's pages as people do, once with JavaScript and once without. The Go test says what had to come of it.
import { mkdirSync } from 'node:fs';
import { input, open, withBrowser } from './lib.mjs';
import { judge, measure, narrow, wide } from './look.mjs';

mkdirSync(input.screenshots, { recursive: true });

// visitor is somebody in front of one browser: what she reads and presses, and what is wrong with the pages that she meets.
class Visitor {
  constructor(browser, opened, scripts, findings) {
    Object.assign(this, opened, { browser, scripts, findings });
  }

  static async come(browser, scripts, findings) {
    return new Visitor(browser, await open(browser, { javaScriptEnabled: scripts, viewport: wide }), scripts, findings);
  }

  // sees waits for a page by its heading and looks at it, light, dark and narrow.
  async sees(heading, name) {
    await this.page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
    const report = (variant) => (problem) => this.findings.push({ page: name, variant, problem });
    this.complaints.filter((c) => !c.startsWith('Failed to load resource')).forEach(report('console'));
    this.complaints.length = 0;
    if (!this.scripts) return;
    for (const [variant, scheme, viewport] of [['light', 'light', wide], ['dark', 'dark', wide], ['narrow', 'light', narrow]]) {
      await this.page.emulateMedia({ colorScheme: scheme });
      await this.page.setViewportSize(viewport);
      (await this.page.evaluate(measure)).forEach(report(variant));
      (await judge(this.page)).forEach(report(variant));
      await this.page.screenshot({ path: `${input.screenshots}/${name}-${variant}.png`, fullPage: true, animations: 'disabled', caret: 'initial' });
    }
    await this.page.emulateMedia({ colorScheme: 'light' });
    await this.page.setViewportSize(wide);
  }

  async says(text) {
    await this.page.getByRole('alert').filter({ hasText: text }).waitFor();
  }

  // types goes from field to field by keyboard, from where the focus is, and presses Enter in the last one.
  async types(...fields) {
    for (const [index, { name, value }] of fields.entries()) {
      if (index > 0) await this.page.keyboard.press('Tab');
      await this.page.locator(`[name=${name}]:focus`).waitFor();
      await this.page.keyboard.press('Control+A');
      await this.page.keyboard.type(value);
    }
    await this.page.keyboard.press('Enter');
  }

  // signsIn fills in the sign-in page, without a mouse. Where her name is there already, the focus is on the password.
  async signsIn(username, password) {
    const known = await this.page.locator('#username').inputValue();
    await this.types(...(known === username ? [] : [{ name: 'username', value: username }]), { name: 'password', value: password });
  }

  async presses(name) {
    await this.page.getByRole('button', { name, exact: true }).click();
  }

  // arrives waits for the application, and returns what it says.
  async arrives(application) {
    const heading = this.page.locator('h1#application');
    await heading.waitFor();
    const url = this.page.url();
    return url.startsWith(`${application}/`) ? heading.innerText() : `is at ${url}`;
  }

  async leave() {
    await this.context.close();
  }
}

// signingIn is the code flow: a wrong password, the right one, another application on another host, form_post.
async function signingIn(v, person, seen) {
  await v.page.goto(`${input.applications[0]}/start`);
  await v.sees('Sign in', 'sign-in');
  seen.login = await v.page.locator('main').innerText();
  await v.signsIn(person.name, 'not my password');
  await v.says('do not match');
  await v.sees('Sign in', 'sign-in-wrong');
  await v.page.locator('#password:focus').waitFor();
  await v.types({ name: 'password', value: person.password });
  seen.code = await v.arrives(input.applications[1]); // the application goes on to another host
  seen.cookies = await v.context.cookies(input.issuer);

  await v.page.goto(`${input.applications[1]}/start`);
  seen.again = await v.arrives(input.applications[1]);
  await v.page.goto(`${input.applications[0]}/start?response_mode=form_post`, { waitUntil: 'commit' });
  if (!v.scripts) await v.page.locator('button').click();
  seen.formPost = await v.arrives(input.applications[1]);
}

// prompting is what an application may ask for besides.
async function prompting(v, person, seen) {
  await v.page.goto(`${input.applications[0]}/start?prompt=select_account`);
  await v.sees('Choose an account', 'continue');
  await v.page.getByRole('button', { name: 'Continue as' }).press('Enter');
  seen.selected = await v.arrives(input.applications[1]);
  await v.page.goto(`${input.applications[0]}/start?prompt=login`);
  await v.sees('Sign in again', 'sign-in-again');
  await v.signsIn(person.name, person.password);
  seen.reproved = await v.arrives(input.applications[1]);
  await v.page.goto(`${input.applications[0]}/start?client_id=nobody`);
  await v.sees('Unknown application', 'fault-client');
  await v.page.goto(`${input.applications[0]}/start?redirect_uri=https://evil.example.com/`);
  await v.sees('This application is not set up yet', 'fault-redirect');
}

// changing is a change of one's own password, with every mistake on the way.
async function changing(v, person) {
  const change = (current, fresh, repeated = fresh) => v.types(
    { name: 'password', value: current }, { name: 'new_password', value: fresh }, { name: 'repeat_password', value: repeated },
  );
  await v.page.goto(`${input.issuer}/password`);
  await v.sees('Change your password', 'password');
  await change(person.password, person.next, `${person.next}!`);
  await v.says('not the same');
  await v.sees('Change your password', 'password-differ');
  await v.page.goto(`${input.issuer}/password`);
  await change('not my password', person.next);
  await v.says('current password is not right');
  await v.sees('Change your password', 'password-current-wrong');
  await change(person.password, person.next);
  await v.sees('Password changed', 'password-changed');
}

// device is what a machine without a browser does.
async function device(v) {
  const post = async (path, form) => (await v.context.request.post(input.issuer + path, { form: { client_id: input.tool, ...form } })).json();
  const codes = await post('/device_authorization', { scope: 'openid' });
  const collect = async () => {
    const { error, id_token: token } = await post('/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: codes.device_code });
    return token ? 'token' : error;
  };
  return { ...codes, collect };
}

// connecting confirms one device by typing its code, and denies another by its complete link.
async function connecting(v, seen) {
  const typed = await device(v);
  await v.page.goto(typed.verification_uri);
  await v.sees('Connect a device', 'device');
  await v.types({ name: 'user_code', value: 'BCDF-GHJK' });
  await v.says('not valid');
  await v.sees('Connect a device', 'device-wrong');
  await v.page.goto(typed.verification_uri);
  await v.types({ name: 'user_code', value: typed.user_code.toLowerCase().replace('-', ' ') });
  await v.sees('Is this your device?', 'device-confirm');
  seen.confirms = (await v.page.locator('main').innerText()).includes(typed.user_code);
  await v.page.getByRole('button', { name: 'Allow' }).press('Enter');
  await v.sees('Your device is connected', 'device-allowed');
  seen.allowed = await typed.collect();

  const linked = await device(v);
  await v.page.goto(linked.verification_uri_complete);
  await v.page.getByRole('heading', { name: 'Is this your device?' }).waitFor();
  await v.presses('Deny');
  await v.sees('Nothing was allowed', 'device-denied');
  seen.denied = await linked.collect();
}

// leaving signs out by the page, signs in by a complete link, and signs out by the application's own.
async function leaving(v, person, seen) {
  await v.page.goto(`${input.issuer}/logout`);
  await v.sees('Sign out?', 'sign-out');
  await v.presses('Sign out');
  await v.sees('You are signed out', 'signed-out');
  seen.cookiesAfter = (await v.context.cookies(input.issuer)).map(({ name }) => name);
  await v.page.goto(`${input.applications[0]}/start?prompt=none`);
  seen.none = await v.arrives(input.applications[0]);

  const linked = await device(v);
  await v.page.goto(linked.verification_uri_complete);
  await v.sees('Sign in', 'sign-in-device');
  await v.signsIn(person.name, person.next);
  await v.page.getByRole('heading', { name: 'Is this your device?' }).waitFor();
  await v.presses('Allow');
  await v.page.getByRole('heading', { name: 'Your device is connected' }).waitFor();
  seen.linked = await linked.collect();

  await v.page.goto(`${input.applications[1]}/start`);
  await v.arrives(input.applications[1]);
  await v.page.getByRole('link', { name: 'Sign out' }).click();
  await v.page.waitForURL('**/bye');
  seen.left = await v.arrives(input.applications[1]);
}

// arriving is the first sign-in with a temporary password.
async function arriving(v, person, seen) {
  await v.page.goto(`${input.applications[0]}/start`);
  await v.signsIn(person.name, person.password);
  await v.sees('Choose your own password', 'password-temporary');
  const choose = (value) => v.types({ name: 'new_password', value }, { name: 'repeat_password', value });
  await choose('passwordpassword');
  await v.says('easy to guess');
  await v.sees('Choose your own password', 'password-guessable');
  await choose(person.next);
  seen.arrived = await v.arrives(input.applications[1]);
}

// trespassing puts the form of one browser into another, and a broken one.
async function trespassing(v, person, findings) {
  await v.page.goto(`${input.applications[0]}/start`);
  const taken = await v.page.locator('input[name=state]').inputValue();
  for (const { state, heading, name } of [
    { state: taken, heading: 'Please start in this browser', name: 'fault-browser' },
    { state: `${taken.slice(0, -4)}AAAA`, heading: 'That took too long', name: 'fault-stale' },
  ]) {
    const other = await Visitor.come(v.browser, true, findings); // changing a hidden field takes a script
    await other.page.goto(`${input.applications[0]}/start`);
    await other.page.locator('input[name=state]').evaluate((field, value) => { field.value = value; }, state);
    await other.signsIn(person.name, person.password);
    await other.sees(heading, name);
    await other.leave();
  }
}

await withBrowser(async (browser) => {
  const findings = [];
  const result = { findings };
  for (const scripts of [true, false]) {
    const { resident, newcomer } = input.people[scripts ? 'script' : 'noScript'];
    const seen = {};
    let v = await Visitor.come(browser, scripts, findings);
    await trespassing(v, resident, findings);
    await signingIn(v, resident, seen);
    await prompting(v, resident, seen);
    await changing(v, resident);
    await connecting(v, seen);
    await leaving(v, resident, seen);
    await v.leave();
    v = await Visitor.come(browser, scripts, findings);
    await arriving(v, newcomer, seen);
    await v.leave();
    result[scripts ? 'script' : 'noScript'] = seen;
  }
  return result;
});
