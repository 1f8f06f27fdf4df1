// Checks at the start that the service can write to its folders. Otherwise, the first request or job would fail without naming the
// variable.
import { accessSync, constants, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EnvironmentError, type EnvironmentIssue } from '../errors.ts';
import type { Environment } from './readEnvironment.ts';

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'it is a file',
  ENOSPC: 'the disk is full',
};

/** Creates a folder if it does not exist. Returns why this process cannot write to it; null if it can. */
function obstacle(folder: string): string | null {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return reasons[code] ?? code;
  }
}

/**
 * Creates the data folder and the artifact folder (if artifacts are stored in a folder), and checks that they are writable.
 * @throws EnvironmentError that names the variable, the folder and the reason
 */
export function requireWritableFolders({ home, artifactsUrl }: Pick<Environment, 'home' | 'artifactsUrl'>): void {
  const folders: (readonly [variable: string, folder: string])[] = [['TRAINYARD_HOME', home]];
  if (artifactsUrl.startsWith('file:')) folders.push(['ARTIFACTS_URL', fileURLToPath(artifactsUrl)]);
  const issues: EnvironmentIssue[] = [];
  for (const [variable, folder] of folders) {
    const reason = obstacle(folder);
    if (reason === null) continue;
    issues.push({ variable, message: `cannot write to ${folder}: ${reason}. Make it writable for this user, or set another folder.` });
    // One issue is enough: by default the artifact folder is in the data folder, so both have the same problem.
    break;
  }
  if (issues.length > 0) throw new EnvironmentError(issues);
}
