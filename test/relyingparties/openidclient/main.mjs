// A relying party made with npm's openid-client. The task comes as JSON on standard input; each line printed is a JSON object, the last
// one the result: see ../golang/story. Signatures of ID tokens are verified although they come straight from the provider.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import * as client from 'openid-client';

const task = JSON.parse(await text(process.stdin));
const scope = 'openid profile email groups';

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const visit = (url) => print({ visit: String(url) });

async function discover(authentication) {
  const config = await client.discovery(new URL(task.issuer), task.clientID, undefined, authentication);
  client.enableNonRepudiationChecks(config);
  return config;
}

// listen takes a loopback port for redirects and forms that are posted there. answer is what came, as a Request.
async function listen() {
  let arrived;
  const answer = new Promise((resolve) => { arrived = resolve; });
  let origin;
  const server = createServer(async (message, response) => {
    const body = message.method === 'POST' ? await text(message) : undefined;
    response.end('Signed in.');
    arrived(new Request(new URL(message.url, origin), { method: message.method, headers: { 'content-type': message.headers['content-type'] ?? '' }, body }));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  origin = `http://127.0.0.1:${server.address().port}`;
  return { redirect: `${origin}/callback`, answer, server };
}

// learn asks for the person and refreshes.
async function learn(config, tokens) {
  const claims = tokens.claims();
  const userInfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const next = await client.refreshTokenGrant(config, tokens.refresh_token);
  const result = { claims, userInfo, refreshed: next.claims(), rotated: next.refresh_token !== tokens.refresh_token };
  return { result, next };
}

// end asks about the access token, takes the refresh token back, and asks again.
async function end(config, { result, next }) {
  result.active = (await client.tokenIntrospection(config, next.access_token)).active;
  await client.tokenRevocation(config, next.refresh_token, { token_type_hint: 'refresh_token' });
  result.activeAfter = (await client.tokenIntrospection(config, next.access_token)).active;
  result.refused = await client.refreshTokenGrant(config, next.refresh_token).then(() => '', ({ error }) => error);
  return result;
}

// signIn is the code flow; build makes the address that the person visits.
async function signIn(config, build, parameters) {
  const { redirect, answer, server } = await listen();
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true };
  visit(await build(config, {
    redirect_uri: redirect, scope, state: checks.expectedState, nonce: checks.expectedNonce, code_challenge_method: 'S256',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), ...parameters,
  }));
  try {
    return await client.authorizationCodeGrant(config, await answer, checks);
  } finally {
    server.close();
  }
}

const stories = {
  // A server with a secret.
  async code() {
    const config = await discover(client.ClientSecretBasic(task.clientSecret));
    const tokens = await signIn(config, client.buildAuthorizationUrl, {});
    const result = await end(config, await learn(config, tokens));
    result.endSession = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token, post_logout_redirect_uri: task.postLogout, state: 'bye',
    }).href;
    return result;
  },

  // A server with a key of its own that pushes its requests (RFC 9126) and has the answer posted.
  async pushed() {
    const key = await crypto.subtle.importKey('jwk', task.privateKey, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    const config = await discover(client.PrivateKeyJwt({ key, kid: task.privateKey.kid }));
    const tokens = await signIn(config, client.buildAuthorizationUrlWithPAR, { response_mode: 'form_post' });
    return end(config, await learn(config, tokens));
  },

  // A command line without a secret.
  async device() {
    const config = await discover(client.None());
    const request = await client.initiateDeviceAuthorization(config, { scope });
    visit(request.verification_uri_complete);
    return (await learn(config, await client.pollDeviceAuthorizationGrant(config, request))).result;
  },

  // The same, in a browser on the same machine.
  async native() {
    const config = await discover(client.None());
    return (await learn(config, await signIn(config, client.buildAuthorizationUrl, {}))).result;
  },
};

try {
  print(await stories[task.story]());
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
