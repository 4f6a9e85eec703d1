// Signs in, or out, as a person would, in a real Chromium: opens the page, types, clicks, reads the last page.
//   node chromium.mjs URL     with SIGN_IN_EMAIL, SIGN_IN_PASSWORD, BROWSER_PROFILE, optionally BROWSER_LOG
import { appendFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const { SIGN_IN_EMAIL, SIGN_IN_PASSWORD, BROWSER_PROFILE, BROWSER_LOG } = process.env;
const note = (line) => BROWSER_LOG && appendFileSync(BROWSER_LOG, `${line}\n`);

const context = await chromium.launchPersistentContext(BROWSER_PROFILE, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
try {
  const page = context.pages()[0] ?? (await context.newPage());
  await page.goto(process.argv[2]);
  note(`title: ${await page.title()}`);
  const leaving = page.locator('button[name=logout][value=yes]');
  if (await leaving.count()) {
    await Promise.all([page.waitForNavigation(), leaving.click()]);
  } else {
    await page.fill('input[name=email]', SIGN_IN_EMAIL);
    await page.fill('input[name=password]', SIGN_IN_PASSWORD);
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  }
  if ((await page.title()).startsWith('Allow')) {
    note(`title: ${await page.title()}`);
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  }
  note(`last page: ${(await page.innerText('body')).replaceAll('\n', ' ')}`);
  if (BROWSER_LOG) await page.screenshot({ path: `${BROWSER_LOG}.png` });
} catch (error) {
  note(`error: ${error}`);
  process.exitCode = 1;
} finally {
  await context.close();
}
