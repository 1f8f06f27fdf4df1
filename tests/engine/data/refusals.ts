// Gets the faults of an upload that is refused.
import { UploadError, type UploadFault } from '@trainyard/engine/data';

/** Returns all faults of a refused upload. @throws Error if the upload is not refused */
export async function faultsOf(reading: Promise<unknown>): Promise<readonly UploadFault[]> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof UploadError) return error.faults;
    throw error;
  }
  throw new Error('the upload was not refused');
}
