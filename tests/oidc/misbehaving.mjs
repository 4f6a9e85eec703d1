// An identity provider that does one thing wrong, for a client that must notice. It signs everybody in at once,
// without a page.
//
//   node misbehaving.mjs FAULT
//
// prints one line `{"issuer": …}` when it is ready, and stops when its standard input closes.
import { createServer } from 'node:http';
import { createHmac, createSign, randomUUID } from 'node:crypto';
import { rsa } from './keys.mjs';

const fault = process.argv[2] ?? 'none';
const [ours, others] = [rsa(), rsa()];
const jwk = { ...ours.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' };
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function idToken(issuer, nonce) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: 'ana', aud: 'connect-cli', iat: now, exp: now + 300, nonce, groups: ['developer'] };
  if (fault === 'issuer') claims.iss = 'https://evil.example.com';
  if (fault === 'audience') claims.aud = 'other-app';
  if (fault === 'nonce') claims.nonce = 'replayed';
  if (fault === 'expired') claims.exp = now - 3600;
  const alg = { 'alg-none': 'none', 'alg-hmac': 'HS256' }[fault] ?? 'RS256';
  const signed = `${part({ alg, kid: 'k', typ: 'JWT' })}.${part(claims)}`;
  if (alg === 'none') return `${signed}.`;
  if (alg === 'HS256') {
    const secret = ours.publicKey.export({ format: 'pem', type: 'spki' });
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  }
  const key = fault === 'signature' ? others.privateKey : ours.privateKey;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key).toString('base64url')}`;
}

const nonces = new Map();
const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const url = new URL(request.url, issuer);
  const json = (value, status = 200) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (url.pathname === '/.well-known/openid-configuration') {
    return json({
      issuer: fault === 'discovery' ? 'https://evil.example.com' : issuer,
      authorization_endpoint: fault === 'endpoint' ? 'http://evil.example.com/auth' : `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
    });
  }
  if (url.pathname === '/keys') {
    // One of a length that nobody should read to its end.
    const keys = fault === 'keys' ? Array(40000).fill(jwk) : [jwk];
    return json({ keys });
  }
  if (url.pathname === '/auth') {
    const code = randomUUID();
    nonces.set(code, url.searchParams.get('nonce'));
    const back = new URL(url.searchParams.get('redirect_uri'));
    back.searchParams.set('code', code);
    back.searchParams.set('state', fault === 'state' ? 'forged' : url.searchParams.get('state'));
    // Mix-up: the answer is another provider's (RFC 9207).
    back.searchParams.set('iss', fault === 'mix-up' ? 'https://other.example.com' : issuer);
    return response.writeHead(302, { location: back.href }).end();
  }
  if (url.pathname === '/token') {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const nonce = nonces.get(form.get('code'));
    if (fault === 'slow') return undefined;
    if (fault === 'refusal' || !form.get('code_verifier')) return json({ error: 'invalid_grant' }, 400);
    return json({ access_token: 'a', token_type: 'Bearer', expires_in: 300, id_token: idToken(issuer, nonce) });
  }
  return response.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ issuer: `http://127.0.0.1:${server.address().port}` })));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
