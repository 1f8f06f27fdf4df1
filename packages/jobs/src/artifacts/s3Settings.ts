// Checks the settings of S3 at the start. The SDK itself would report a missing setting only at the first request.
import type { S3Client } from '@aws-sdk/client-s3';
import { EnvironmentError, type EnvironmentIssue } from '../errors.ts';

/** @throws EnvironmentError that names the missing settings */
export async function expectSettings(client: S3Client): Promise<void> {
  const issues: EnvironmentIssue[] = [];
  await client.config.region().catch(() => {
    issues.push({
      variable: 'AWS_REGION',
      message: 'is not set: an s3:// ARTIFACTS_URL needs the region of its bucket, such as us-east-1',
    });
  });
  await client.config.credentials().catch(() => {
    const message = 'is not set, and no other credentials were found: set it and AWS_SECRET_ACCESS_KEY for an s3:// ARTIFACTS_URL';
    issues.push({ variable: 'AWS_ACCESS_KEY_ID', message });
  });
  if (issues.length > 0) throw new EnvironmentError(issues);
}

/** Whether the environment names a server other than AWS's. */
export function hasOwnEndpoint(): boolean {
  return Boolean(process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']);
}
