// Where a user's programs keep their data, by the customs of each system.
import { homedir } from 'node:os';
import { join, posix, win32 } from 'node:path';

/**
 * The folder of this program in the user's data directory: XDG_DATA_HOME or ~/.local/share; on macOS ~/Library/Application
 * Support; on Windows %LOCALAPPDATA%. https://specifications.freedesktop.org/basedir-spec
 */
export function defaultHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform = process.platform,
  userHome: string = homedir(),
): string {
  switch (platform) {
    case 'win32':
      return win32.join(env['LOCALAPPDATA'] ?? win32.join(userHome, 'AppData', 'Local'), 'trainyard');
    case 'darwin':
      return posix.join(userHome, 'Library', 'Application Support', 'trainyard');
    default: {
      // The specification has relative paths ignored.
      const xdg = env['XDG_DATA_HOME'];
      return join(xdg !== undefined && posix.isAbsolute(xdg) ? xdg : posix.join(userHome, '.local', 'share'), 'trainyard');
    }
  }
}
