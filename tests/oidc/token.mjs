// Prints an ID token, for a test that attacks the agent without our own client.
//   node token.mjs ISSUER PERSON
import { createHash, randomBytes } from 'node:crypto';
import { walk } from './pages.mjs';

const [issuer, person] = process.argv.slice(2);
const redirect = 'http://127.0.0.1:9/callback';
const verifier = randomBytes(32).toString('base64url');
const query = new URLSearchParams({
  client_id: 'connect-cli', response_type: 'code', scope: 'openid email groups', redirect_uri: redirect,
  code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  state: 'state', nonce: 'nonce',
});
const last = await walk(`${issuer}/auth?${query}`, {
  email: `${person}@example.com`, password: `${person}-password`, until: redirect,
});
const code = new URL(last.url).searchParams.get('code');
const body = new URLSearchParams({
  grant_type: 'authorization_code', client_id: 'connect-cli', code, code_verifier: verifier, redirect_uri: redirect,
});
const tokens = await (await fetch(`${issuer}/token`, { method: 'POST', body })).json();
if (!tokens.id_token) throw new Error(`no token: ${JSON.stringify(tokens)} ${last.text}`);
console.log(tokens.id_token);
