// A certified OpenID provider (npm oidc-provider) with people, groups and a sign-in page of its own.
// It stands in for a company's identity provider: nothing in it knows about `connect`.
//
//   node provider.mjs '{"idTokenSeconds": 300}'
//
// prints one line `{"issuer": …}` when it is ready, and stops when its standard input closes.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';

const settings = { port: 0, idTokenSeconds: 300, ...JSON.parse(process.argv[2] ?? '{}') };

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
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' };
}

const configuration = {
  clients: [
    {
      client_id: 'connect-cli',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback', 'http://127.0.0.1/'],
    },
  ],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'], profile: ['name'] },
  scopes: ['openid', 'email', 'groups', 'profile', 'offline_access'],
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_context, id) => account(id),
  issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
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
  return provider.interactionFinished(request, response, { login: { accountId: found[0] } });
}

// The administrator's side: `POST /test/disable?person=ana` ends an employment.
function administer(request, response) {
  const url = new URL(request.url, 'http://127.0.0.1');
  const person = people.get(url.searchParams.get('person'));
  if (person) person.disabled = url.pathname.endsWith('/disable');
  response.writeHead(person ? 204 : 404).end();
}

const server = createServer();
server.listen(settings.port, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, configuration);
  const serve = provider.callback();
  server.on('request', (request, response) => {
    const uid = /^\/interaction\/([\w-]+)$/.exec(request.url)?.[1];
    if (request.url.startsWith('/test/') && request.method === 'POST') return administer(request, response);
    if (!uid) return serve(request, response);
    return interact(provider, request, response, uid).catch((error) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  console.log(JSON.stringify({ issuer }));
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
