// Makes API keys. JavaScript without a dependency, since `npm run key` runs it as it is, in a checkout where nothing is installed or
// built, by whatever Node there is.
import { createHash, randomBytes } from 'node:crypto';

export const keyName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * SHA-256 of a token, in hex: what is configured and kept of it.
 * @param {string} token
 * @returns {string}
 */
export function hashToken(token) {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * A new key: the token for its owner, who sees it once, and the entry for the configuration.
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
