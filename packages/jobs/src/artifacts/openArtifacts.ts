// Opens the artifact store that a URL names.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArtifactStore } from './artifactStore.ts';
import { FolderArtifactStore } from './folderArtifactStore.ts';

/**
 * @param url `file:///folder` or `s3://bucket/prefix`
 * @param home a folder of this machine, for what is not finished yet where the artifacts are elsewhere
 */
export async function openArtifacts(url: string, home: string): Promise<ArtifactStore> {
  const { protocol, hostname, pathname } = new URL(url);
  if (protocol !== 's3:') return await FolderArtifactStore.open(fileURLToPath(url));
  // The SDK takes a while to load, which nobody else should wait for.
  const { S3ArtifactStore } = await import('./s3ArtifactStore.ts');
  const prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '');
  return await S3ArtifactStore.open({ bucket: hostname, prefix, scratchRoot: join(home, 'unfinished') });
}
