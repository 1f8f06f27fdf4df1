// An S3 server in memory with the operations that the artifact store uses. A test can make it refuse requests, break connections, stop
// responding or send wrong bytes.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * A fault of the server:
 * - an object with a code: a response with this status and S3 code
 * - an object with a page: a response with this status and HTML page, as a proxy sends it
 * - `refuse`: the connection is closed before the response
 * - `silence`: no response until the fault is over
 * - `cut`: the response to a GET ends in the middle of its body
 * - `corrupt`: the response to a GET has one changed byte
 */
export type Fault = Refusal | 'refuse' | 'silence' | 'cut' | 'corrupt';

type Refusal = { readonly status: number; readonly code: string } | { readonly status: number; readonly page: string };

export interface S3Request {
  readonly method: string;
  /** The key without the bucket; '' for the bucket itself. */
  readonly key: string;
}

/** Returns the fault of the server for a request; undefined if it handles the request normally. */
export type Faults = (request: S3Request) => Fault | undefined;

interface Stored {
  readonly bytes: Buffer;
  readonly sha256: string | undefined;
}

export class FaultyS3 {
  readonly bucket = 'artifacts';
  /** All requests so far. */
  readonly requests: S3Request[] = [];
  readonly #objects = new Map<string, Stored>();
  readonly #server: Server;
  #faults: Faults = () => undefined;
  #silent: ServerResponse[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FaultyS3> {
    const s3 = new FaultyS3();
    s3.#server.listen(0, '127.0.0.1');
    await once(s3.#server, 'listening');
    return s3;
  }

  /** The environment variables that its clients need. */
  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
  }

  get keys(): string[] {
    return [...this.#objects.keys()].toSorted();
  }

  /** Replaces the faults. Without an argument, the server has none. Connections that wait for a response because of `silence` are closed. */
  set(faults: Faults = () => undefined): void {
    this.#faults = faults;
    for (const response of this.#silent.splice(0)) response.destroy();
  }

  async stop(): Promise<void> {
    this.set();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://s3');
    const [bucket, ...rest] = decodeURIComponent(url.pathname).slice(1).split('/');
    const { method = 'GET' } = request;
    const key = rest.join('/');
    const body = await buffer(request).catch(() => null);
    if (body === null) return;
    this.requests.push({ method, key });
    const fault = this.#faults({ method, key });
    if (fault === 'refuse') response.destroy();
    else if (fault === 'silence') this.#silent.push(response);
    else if (typeof fault === 'object') refuse(response, method, fault);
    else if (bucket !== this.bucket) refuse(response, method, { status: 404, code: 'NoSuchBucket' });
    else if (key === '') this.#answerBucket(method, url.searchParams, response);
    else this.#answerObject({ method, key }, request, body, response, fault);
  }

  #answerBucket(method: string, query: URLSearchParams, response: ServerResponse): void {
    const prefix = query.get('prefix') ?? '';
    const contents = this.keys.filter((key) => key.startsWith(prefix)).map((key) => `<Contents><Key>${key}</Key></Contents>`);
    response.end(method === 'HEAD' ? '' : `<?xml version="1.0"?><ListBucketResult>${contents.join('')}</ListBucketResult>`);
  }

  #answerObject(
    { method, key }: S3Request,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
    fault: 'cut' | 'corrupt' | undefined,
  ): void {
    const { headers } = request;
    const stored = this.#objects.get(key);
    const copySource = headers['x-amz-copy-source'];
    if (method === 'PUT' && typeof copySource === 'string') {
      const source = this.#objects.get(decodeURIComponent(copySource).replace(/^\/?[^/]+\//, ''));
      if (source === undefined) return refuse(response, method, { status: 404, code: 'NoSuchKey' });
      this.#objects.set(key, source);
      response.end('<?xml version="1.0"?><CopyObjectResult><ETag>"etag"</ETag></CopyObjectResult>');
    } else if (method === 'PUT') {
      const sha256 = headers['x-amz-meta-sha256'];
      this.#objects.set(key, { bytes: body, sha256: typeof sha256 === 'string' ? sha256 : undefined });
      response.end();
    } else if (method === 'DELETE') {
      this.#objects.delete(key);
      response.writeHead(204).end();
    } else if (stored === undefined) {
      refuse(response, method, { status: 404, code: 'NoSuchKey' });
    } else {
      sendObject(stored, method, headers.range, response, fault);
    }
  }
}

function sendObject(
  { bytes, sha256 }: Stored,
  method: string,
  range: string | undefined,
  response: ServerResponse,
  fault: 'cut' | 'corrupt' | undefined,
): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  const part = first === undefined ? bytes : bytes.subarray(Number(first), Number(last) + 1);
  if (first !== undefined) response.setHeader('content-range', `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`);
  if (sha256 !== undefined) response.setHeader('x-amz-meta-sha256', sha256);
  response.setHeader('content-length', part.length);
  response.statusCode = first === undefined ? 200 : 206;
  if (method === 'HEAD') {
    response.end();
  } else if (fault === 'cut') {
    response.write(part.subarray(0, Math.floor(part.length / 2)), () => response.destroy());
  } else if (fault === 'corrupt') {
    const changed = Buffer.from(part);
    changed[0] = (changed[0] ?? 0) ^ 1;
    response.end(changed);
  } else {
    response.end(part);
  }
}

function refuse(response: ServerResponse, method: string, refusal: Refusal): void {
  if ('page' in refusal) {
    response.writeHead(refusal.status, { 'content-type': 'text/html' });
    response.end(method === 'HEAD' ? '' : refusal.page);
    return;
  }
  const { status, code } = refusal;
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(method === 'HEAD' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}
