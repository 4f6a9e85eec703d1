// A certified OpenID provider (npm oidc-provider) with people, groups and a sign-in page of its own.
// It stands in for a company's identity provider: nothing in it knows about `connect`.
//
//   node provider.mjs '{"idTokenSeconds": 300}'
//
// prints one line `{"issuer": …}` when it is ready, and stops when its standard input closes.
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { rsa } from './keys.mjs';

const settings = { port: 0, idTokenSeconds: 300, ...JSON.parse(process.argv[2] ?? '{}') };

// Where logouts are told: an agent that is started after this has another address each time, and a
// certificate of its own.
const LOGOUT = 'https://agent.invalid';
let agent;
let pages;
if (settings.backChannel) process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const people = new Map(
  [
    ['ana', ['developer']],
    ['li', ['developer', 'data-oncall']],
    ['sam', ['security']],
    ['mallory', []],
  ].map(([name, groups]) => [
    name,
    { email: `${name}@example.com`, password: `${name}-password`, groups, disabled: false },
  ]),
);

function account(id) {
  const person = people.get(id);
  if (!person || person.disabled) return undefined;
  return {
    accountId: id,
    claims: () => ({ sub: id, email: person.email, email_verified: true, name: id, groups: person.groups }),
  };
}

function signingKey() {
  return { ...rsa().privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' };
}

const configuration = {
  clients: [
    {
      client_id: 'connect-cli',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/'],
      ...(settings.backChannel && {
        backchannel_logout_uri: `${LOGOUT}/`,
        backchannel_logout_session_required: true,
      }),
    },
    // The console of an agent that is started after this: `/test/console` says where it is.
    {
      client_id: 'connect-console',
      client_secret: 'a secret of the console: 1+1=2',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: ['https://agent.invalid/console/callback'],
    },
    // Programs with a key of their own, from the settings: {client_id, jwks}.
    ...(settings.machines ?? []).map((machine) => ({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      ...machine,
    })),
  ],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  acrValues: ['urn:test:mfa'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'], profile: ['name'] },
  scopes: ['openid', 'email', 'groups', 'profile', 'offline_access'],
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: settings.backChannel === true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_context, _client, wanted) => wanted,
      getResourceServerInfo: (_context, resource) => ({
        scope: '',
        audience: resource,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => account(id),
  issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  // Its own dispatcher keeps away from the loopback, where everything is in a test.
  fetch: (url, { dispatcher, ...options }) => fetch(String(url).startsWith(LOGOUT) ? agent : url, options),
  ttl: { IdToken: settings.idTokenSeconds, AccessToken: 300, AuthorizationCode: 60, Interaction: 600, Grant: 86400, Session: 86400, RefreshToken: 86400 },
};

const page = (title, body) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`;

const signInPage = (uid, problem) =>
  page(
    'Sign in to Example',
    `${problem ? `<p role="alert">${problem}</p>` : ''}<form method="post" action="/interaction/${uid}">
     <label>E-mail <input name="email" type="email" autofocus></label>
     <label>Password <input name="password" type="password"></label>
     <button type="submit">Sign in</button></form>`,
  );

const consentPage = (uid) =>
  page('Allow connect?', `<form method="post" action="/interaction/${uid}"><button type="submit">Allow</button></form>`);

async function form(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > 65536) throw new Error('too long a form');
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

async function grantConsent(provider, interaction) {
  const { grantId, session, params } = interaction;
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return { consent: { grantId: await grant.save() } };
}

async function interact(provider, request, response, uid) {
  const interaction = await provider.interactionDetails(request, response);
  const show = (html) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  if (request.method === 'GET') {
    return show(interaction.prompt.name === 'login' ? signInPage(uid) : consentPage(uid));
  }
  if (interaction.prompt.name === 'consent') {
    const result = await grantConsent(provider, interaction);
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
  const fields = await form(request);
  const found = [...people].find(([, person]) => person.email === fields.get('email'));
  if (!found || found[1].password !== fields.get('password') || found[1].disabled) {
    return show(signInPage(uid, 'That e-mail or password is wrong.'));
  }
  // Whoever is asked for it has the second factor at hand.
  const strong = `${interaction.params.acr_values}`.includes('urn:test:mfa');
  const login = { accountId: found[0], ...(strong && { acr: 'urn:test:mfa', amr: ['pwd', 'otp'] }) };
  return provider.interactionFinished(request, response, { login });
}

// Sessions of this provider, by person: what a logout is about.
const signedIn = [];

// The administrator's side: `POST /test/disable?person=ana` ends an employment, `/test/groups` changes what
// somebody belongs to, `/test/sign-out` ends what they are signed in to, `/test/agent` says where that is told, and
// `/test/console` where the agent's pages are.
async function administer(provider, request, response) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const name = url.searchParams.get('person');
  const person = people.get(name);
  const end = (found) => response.writeHead(found ? 204 : 404).end();
  if (url.pathname === '/test/agent') {
    agent = url.searchParams.get('url');
    return end(true);
  }
  if (url.pathname === '/test/console') {
    pages = url.searchParams.get('url');
    return end(true);
  }
  if (!person) return end(false);
  if (url.pathname === '/test/groups') person.groups = url.searchParams.get('groups').split(',');
  if (url.pathname === '/test/disable') person.disabled = true;
  if (url.pathname === '/test/sign-out') {
    const client = await provider.Client.find('connect-cli');
    for (const { accountId, sid } of signedIn) {
      if (accountId === name) await client.backchannelLogout(accountId, sid);
    }
  }
  return end(true);
}

const server = createServer();
server.listen(settings.port, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  const registered = provider.Client.prototype.redirectUriAllowed;
  provider.Client.prototype.redirectUriAllowed = function allowed(address) {
    if (this.clientId !== 'connect-console') return registered.call(this, address);
    return pages !== undefined && address === `${pages}/console/callback`;
  };
  const serve = provider.callback();
  provider.on('authorization.success', (context) => {
    const { session, client } = context.oidc;
    if (session?.accountId) signedIn.push({ accountId: session.accountId, sid: session.sidFor(client.clientId) });
  });
  server.on('request', (request, response) => {
    const uid = /^\/interaction\/([\w-]+)$/.exec(request.url)?.[1];
    if (request.url.startsWith('/test/') && request.method === 'POST') {
      return administer(provider, request, response).catch((error) => response.writeHead(500).end(String(error)));
    }
    if (!uid) return serve(request, response);
    return interact(provider, request, response, uid).catch((error) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  console.log(JSON.stringify({ issuer }));
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
