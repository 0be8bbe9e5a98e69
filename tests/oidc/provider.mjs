// tests/oidc/provider.mjs - a real OpenID provider on this host, for the tests of signing in.
// SPDX-License-Identifier: MIT
//
// usage: node provider.mjs CONFIG.json
//   {"port": N, "issuer": "…", "key": "PEM", "cert": "PEM", "jwks": {"keys": […]},
//    "users": {"mia": {"groups": […], …}}}
// Without "key" it speaks HTTP. Every request is a line "REQUEST METHOD PATH" on stdout; "READY PORT"
// comes first. Anybody signs in with any password: the pages are the library's own for development.
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import Provider from 'oidc-provider';

const config = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const AUDIENCE = 'shotlake-lake';

function account(ctx, id) {
  return { accountId: id, claims: () => ({ sub: id, ...config.users[id] }) };
}

const provider = new Provider(config.issuer, {
  clients: [{
    client_id: 'shotlake',
    application_type: 'native',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'none',
  }],
  claims: { openid: ['sub'], groups: ['groups', 'affiliation', 'entitlements'] },
  scopes: ['openid', 'groups'],
  conformIdTokenClaims: false,
  cookies: { keys: ['for a test'] },
  jwks: config.jwks,
  findAccount: account,
  extraTokenClaims: (ctx, token) => ({ groups: config.users[token.accountId].groups }),
  ttl: { AccessToken: 3600, DeviceCode: 600, Grant: 3600, IdToken: 3600, Interaction: 600,
    Session: 3600 },
  features: {
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://lake.example/',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: AUDIENCE, scope: 'groups', accessTokenFormat: 'jwt', accessTokenTTL: 3600,
      }),
    },
  },
});

const handle = provider.callback();
function serve(request, response) {
  console.log(`REQUEST ${request.method} ${request.url.split('?')[0]}`);
  handle(request, response);
}

const server = config.key
  ? createHttps({ key: config.key, cert: config.cert }, serve) : createHttp(serve);
server.listen(config.port, '127.0.0.1', () => console.log(`READY ${server.address().port}`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0)); // with the test that started it
