// An issuer of ID tokens for programs, in the forms of GitHub Actions, GitLab and Kubernetes. As those do, it
// gives a token to every job that asks, whoever's it is: what is in the token says whose.
//
//   node issuer.mjs
//
// prints one line `{"issuer": …}` when it is ready, and stops when its standard input closes.
//   GET  /job/REPOSITORY?audience=…   as the address that GitHub gives to a job of that repository
//   POST /mint                        signs the claims in the body
// It also tells events, as a transmitter of shared signals does:
//   POST /mint-event, /offer          signs one; has one to be asked for
//   POST /poll                        as RFC 8936 says
//   POST /heard                       answers when everything that was offered has been acknowledged
import { createServer } from 'node:http';
import { createSign, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { rsa } from './keys.mjs';

const { privateKey, publicKey } = rsa();
const key = { ...publicKey.export({ format: 'jwk' }), kid: 'ci-1', use: 'sig', alg: 'RS256' };
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign(claims, typ = 'JWT') {
  const signed = `${part({ alg: 'RS256', kid: key.kid, typ })}.${part(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey).toString('base64url')}`;
}

const times = () => {
  const now = Math.floor(Date.now() / 1000);
  return { iat: now, nbf: now, exp: now + 300, jti: randomUUID() };
};

const github = (repository, audience) => ({
  ...times(),
  sub: `repo:${repository}:ref:refs/heads/main`,
  aud: audience,
  ref: 'refs/heads/main',
  ref_type: 'branch',
  repository,
  repository_owner: repository.split('/')[0],
  actor: 'ana',
  workflow: 'nightly',
  event_name: 'schedule',
  runner_environment: 'github-hosted',
  run_id: '4711',
});

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

// Events by their ids, until they are acknowledged.
const offered = new Map();
const news = new EventEmitter().setMaxListeners(100);
const said = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

async function poll(request, response) {
  const asked = JSON.parse(await text(request));
  for (const jti of [...(asked.ack ?? []), ...Object.keys(asked.setErrs ?? {})]) offered.delete(jti);
  news.emit('change');
  if (offered.size === 0) {
    await new Promise((done) => {
      const late = setTimeout(done, 2000);
      const look = () => {
        if (offered.size === 0) return;
        clearTimeout(late);
        news.off('change', look);
        done();
      };
      news.on('change', look);
    });
  }
  const sets = Object.fromEntries(offered);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ sets, moreAvailable: false }));
}

async function heard(response) {
  while (offered.size > 0) await new Promise((done) => news.once('change', done));
  response.writeHead(204).end();
}

const server = createServer(async (request, response) => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const url = new URL(request.url, issuer);
  const json = (value) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  if (url.pathname === '/.well-known/openid-configuration') return json({ issuer, jwks_uri: `${issuer}/keys` });
  if (url.pathname === '/keys') return json({ keys: [key] });
  if (url.pathname.startsWith('/job/')) {
    const repository = url.pathname.slice('/job/'.length);
    if (request.headers.authorization !== `Bearer right-of-${repository}`) return response.writeHead(401).end();
    return json({ count: 1, value: sign({ iss: issuer, ...github(repository, url.searchParams.get('audience')) }) });
  }
  if (url.pathname === '/mint' && request.method === 'POST') {
    return response.writeHead(200).end(sign({ iss: issuer, ...times(), ...JSON.parse(await text(request)) }));
  }
  if (url.pathname === '/mint-event') {
    const { iat, jti } = times();
    const claims = { iss: issuer, iat, jti, ...JSON.parse(await text(request)) };
    return response.writeHead(200).end(sign(claims, 'secevent+jwt'));
  }
  if (url.pathname === '/offer') {
    const token = await text(request);
    offered.set(said(token).jti, token);
    news.emit('change');
    return response.writeHead(204).end();
  }
  if (url.pathname === '/poll') return poll(request, response);
  if (url.pathname === '/heard') return heard(response);
  return response.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ issuer: `http://127.0.0.1:${server.address().port}` })));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
