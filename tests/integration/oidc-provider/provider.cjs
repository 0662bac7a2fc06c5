// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The agentid authors
// usage: provider.cjs MODULES   node oidc-provider on loopback for 61-oidc-provider.sh and 70-canary.sh.
// From the environment: SECRET (of the client node-agent), LIFETIME (seconds, 300), PORT (13000).
'use strict';

const path = require('path');
const { pathToFileURL } = require('url');

const modules = process.argv[2];
const port = Number(process.env.PORT || 13000);
const issuer = `http://127.0.0.1:${port}`;
const lifetime = Number(process.env.LIFETIME || 300);

// urn:orders-api gives JWTs for the audience orders-api; urn:opaque gives opaque tokens.
const resources = {
  'urn:orders-api': {
    audience: 'orders-api',
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'RS256' } },
    accessTokenTTL: lifetime,
    scope: 'orders.read',
  },
  'urn:opaque': { audience: 'opaque-api', accessTokenFormat: 'opaque', accessTokenTTL: lifetime, scope: 'orders.read' },
};

const configuration = {
  clients: [{
    client_id: 'node-agent',
    client_secret: process.env.SECRET || 'node-agent-secret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: 'orders.read',
  }],
  scopes: ['orders.read'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => {
        if (!resources[resource]) throw new Error(`unknown resource ${resource}`);
        return resources[resource];
      },
    },
  },
};

async function main() {
  const entry = pathToFileURL(path.join(modules, 'node_modules/oidc-provider/lib/index.js'));
  const { default: Provider } = await import(entry.href);
  new Provider(issuer, configuration).listen(port, '127.0.0.1');
}

main();
