// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright The agentid authors
// An HTTP/2 provider over TLS: usage: node h2.cjs CERTIFICATE KEY TOKENFILE JWKSFILE PORTFILE
// Answers with what the two files hold. GET /stats: sessions, requests and TLS sessions resumed.
'use strict';
const fs = require('node:fs');
const http2 = require('node:http2');

const [certificate, key, tokenFile, jwksFile, portFile] = process.argv.slice(2);
const counts = { sessions: 0, requests: 0, resumed: 0, most: 0 };
let open = 0;

const server = http2.createSecureServer({
    cert: fs.readFileSync(certificate), key: fs.readFileSync(key),
    settings: { maxConcurrentStreams: 100 },
});
server.on('session', () => { counts.sessions++; });
server.on('secureConnection', (socket) => { if (socket.isSessionReused()) counts.resumed++; });

function body(path, issuer) {
    if (path.endsWith('/.well-known/openid-configuration'))
        return JSON.stringify({ issuer, token_endpoint: issuer + '/token', jwks_uri: issuer + '/jwks' });
    if (path.endsWith('/jwks'))
        return fs.readFileSync(jwksFile);
    if (path.endsWith('/token'))
        return fs.readFileSync(tokenFile);
    return JSON.stringify(counts);
}

server.on('stream', (stream, headers) => {
    counts.requests++;
    counts.most = Math.max(counts.most, ++open);
    stream.on('close', () => { open--; });
    stream.on('error', () => {});
    stream.on('data', () => {});
    stream.on('end', () => {
        const path = headers[':path'];
        if (path === '/close') {
            stream.respond({ ':status': 200 });
            stream.end('{}');
            setImmediate(() => stream.session.close());
            return;
        }
        stream.respond({ ':status': 200, 'content-type': 'application/json' });
        stream.end(body(path, `https://${headers[':authority']}`));
    });
});
server.listen(0, '127.0.0.1', () => {
    fs.writeFileSync(portFile + '.tmp', String(server.address().port));
    fs.renameSync(portFile + '.tmp', portFile);
});
