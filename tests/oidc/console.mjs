// Uses the agent's pages as a person with a phone would, in a real Chromium.
//   node console.mjs STEPS     with SIGN_IN_EMAIL, SIGN_IN_PASSWORD, BROWSER_PROFILE
// STEPS is a JSON list, done one after the other; each prints a line of JSON with the page that it leads to:
//   {"open": URL}  {"signIn": true}  {"press": WORDS}  {"write": [FIELD, TEXT]}
//   {"forge": [URL, {FIELD: TEXT}]}   a page of another site that sends a form to URL
import { chromium } from 'playwright-core';

const { SIGN_IN_EMAIL, SIGN_IN_PASSWORD, BROWSER_PROFILE } = process.env;
const context = await chromium.launchPersistentContext(BROWSER_PROFILE, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  // Whose certificate the agent has is not what is tried here.
  ignoreHTTPSErrors: true,
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
const page = context.pages()[0] ?? (await context.newPage());
const problems = [];
page.on('console', (message) => /content security policy/i.test(message.text()) && problems.push(message.text()));
page.on('dialog', (dialog) => problems.push(`dialog: ${dialog.message()}`) && dialog.dismiss());

async function signIn() {
  await Promise.all([page.waitForNavigation(), page.tap('text="Sign in"')]);
  if ((await page.title()).startsWith('Sign in to')) {
    await page.fill('input[name=email]', SIGN_IN_EMAIL);
    await page.fill('input[name=password]', SIGN_IN_PASSWORD);
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  }
  if ((await page.title()).startsWith('Allow')) {
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]);
  }
}

async function forge([url, fields]) {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
  const body = `<form method="post" action="${url}">${inputs.join('')}<button>Win a prize</button></form>`;
  await context.route('https://evil.example/**', (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto('https://evil.example/');
  await Promise.all([page.waitForNavigation(), page.tap('button')]);
}

async function take(step) {
  if (step.open) return page.goto(step.open);
  if (step.signIn) return signIn();
  if (step.press) return Promise.all([page.waitForNavigation(), page.tap(`text="${step.press}"`)]);
  if (step.write) return page.fill(`input[name=${step.write[0]}]`, step.write[1]);
  return forge(step.forge);
}

try {
  for (const step of JSON.parse(process.argv[2])) {
    await take(step);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    const scripts = await page.evaluate(() => document.scripts.length);
    const text = await page.innerText('body');
    const hidden = await page.locator('input[name=binding]').evaluateAll((all) => all.map((one) => one.value));
    console.log(JSON.stringify({ url: page.url(), title: await page.title(), text, wide, scripts, hidden, problems }));
  }
} finally {
  await context.close();
}
