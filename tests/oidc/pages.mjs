// Walks through a provider's pages as a browser would: follows redirects, keeps cookies, fills forms.

async function request(jars, url, options) {
  const origin = new URL(url).origin;
  const jar = jars.get(origin) ?? new Map();
  jars.set(origin, jar);
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const response = await fetch(url, { ...options, redirect: 'manual', headers: { ...options.headers, cookie } });
  for (const line of response.headers.getSetCookie()) {
    const [name, ...value] = line.split(';')[0].split('=');
    jar.set(name, value.join('='));
  }
  return response;
}

function filled(html, email, password) {
  const body = new URLSearchParams();
  for (const field of html.matchAll(/<input[^>]*type="hidden"[^>]*>/gi)) {
    const name = /name="([^"]*)"/.exec(field[0])?.[1];
    if (name) body.set(name, /value="([^"]*)"/.exec(field[0])?.[1] ?? '');
  }
  if (/name="email"/.test(html)) body.set('email', email);
  if (/name="password"/.test(html)) body.set('password', password);
  return body;
}

/** Ends at a page without a form, or before a redirect to `until`: { url, ok, text }. */
export async function walk(url, { email, password, until }) {
  const jars = new Map();
  let options = {};
  for (let step = 0; step < 20; step += 1) {
    const response = await request(jars, url, options);
    options = {};
    const next = response.headers.get('location');
    if (next) {
      url = new URL(next, url).href;
      if (until && url.startsWith(until)) return { url, ok: true, text: '' };
      continue;
    }
    const html = await response.text();
    const action = /<form[^>]*action="([^"]*)"/i.exec(html);
    if (!action) return { url, ok: response.ok, text: html.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ') };
    url = new URL(action[1].replaceAll('&amp;', '&'), url).href;
    options = { method: 'POST', body: filled(html, email, password) };
  }
  return { url, ok: false, text: 'more than 20 pages' };
}
