// RSA keys of which a JWK can be had. Node 20 stands still for ever, once in some hundred runs, when it exports
// the very object that it has just generated; keys that are read again from PEM it exports.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

export function rsa() {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKey: createPrivateKey(privateKey), publicKey: createPublicKey(privateKey) };
}
