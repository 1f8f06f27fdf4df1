// Writes a request body to a file while it arrives, up to a limit.
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { orDiskError, ProblemError } from '../problems.ts';

/**
 * Writes the body into a new file, which the caller must remove. After an error there is no file.
 * @param onBytes called with the size of each piece that arrives; an error that it throws ends the upload
 * @throws ProblemError 413 if the body has more than `mostBytes` bytes
 * @throws ProblemError 400 if the client leaves before the whole body has arrived
 */
export async function receiveFile(body: Readable, file: string, mostBytes: number, onBytes: (bytes: number) => void): Promise<void> {
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        bytes += chunk.length;
        if (bytes > mostBytes) throw tooLarge(mostBytes);
        onBytes(chunk.length);
      } catch (error) {
        return done(error as Error);
      }
      done(null, chunk);
    },
  });
  try {
    await pipeline(body, count, createWriteStream(file, { flags: 'wx' }));
  } catch (error) {
    // A file that cannot be removed now is removed when the process ends. This failure must not hide the error of the upload.
    await rm(file, { force: true }).catch(() => {});
    const isCutOff =
      error instanceof Error && 'code' in error && (error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'ECONNRESET');
    throw isCutOff ? new ProblemError('badRequest', 'The body ended before all of it had arrived.', { cause: error }) : orDiskError(error);
  }
}

export function tooLarge(mostBytes: number): ProblemError {
  return new ProblemError('bodyTooLarge', `The file may have at most ${mostBytes} bytes.`);
}
