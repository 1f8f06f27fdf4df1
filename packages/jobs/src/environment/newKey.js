// Creates API keys. It is plain JavaScript without dependencies, because `npm run key` must work in a checkout before anything is installed
// or built, and with any version of Node.
import { createHash, randomBytes } from 'node:crypto';

export const keyName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Returns the SHA-256 of a token, in hex. Only this hash is configured and stored.
 * @param {string} token
 * @returns {string}
 */
export function hashToken(token) {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * Returns a new key: the token for its owner, and the entry for the configuration.
 * @param {string} name
 * @param {'user' | 'admin'} role
 * @returns {{ readonly token: string, readonly entry: string }}
 */
export function createApiKey(name, role) {
  if (!keyName.test(name))
    throw new RangeError(`a key's name has up to 64 letters, digits, dots, dashes and underscores, got ${JSON.stringify(name)}`);
  const token = `ty_${randomBytes(32).toString('base64url')}`;
  return { token, entry: `${name}:${role}:${hashToken(token)}` };
}
