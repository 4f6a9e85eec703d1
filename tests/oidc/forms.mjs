// Signs in without a browser's weight, for the tests that need someone signed in and are about something else.
//   node forms.mjs URL     with SIGN_IN_EMAIL, SIGN_IN_PASSWORD, optionally BROWSER_LOG
import { appendFileSync } from 'node:fs';
import { walk } from './pages.mjs';

const { SIGN_IN_EMAIL, SIGN_IN_PASSWORD, BROWSER_LOG } = process.env;
const last = await walk(process.argv[2], { email: SIGN_IN_EMAIL, password: SIGN_IN_PASSWORD });
if (BROWSER_LOG) appendFileSync(BROWSER_LOG, `last page: ${last.ok} ${last.text}\n`);
process.exit(last.ok ? 0 : 1);
