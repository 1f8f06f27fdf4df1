// One HTTP request with a key, and its answer.

export interface Caller {
  readonly url: string;
  readonly token: string;
}

export interface RequestOptions {
  /** Default: `GET`, or `POST` with a body. */
  readonly method?: string;
  readonly json?: unknown;
  readonly body?: FormData | string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: it ends the request after a minute. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON. */
  readonly body: unknown;
}

/** How long an answer may take, in ms. */
const longestAnswerMs = 60_000;

/** @throws TypeError when the connection breaks, and the signal's reason */
export async function ask({ url, token }: Caller, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { json, headers = {}, signal = AbortSignal.timeout(longestAnswerMs) } = options;
  const body = json === undefined ? options.body : JSON.stringify(json);
  const response = await fetch(`${url}${path}`, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${token}`, ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body }),
    signal,
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? (JSON.parse(text) as unknown) : text };
}

/** The answer's body. @throws Error unless it has this status */
export async function expectStatus(answer: Promise<Answer>, status: number): Promise<unknown> {
  const { status: actual, body } = await answer;
  if (actual !== status) throw new Error(`expected ${status}, got ${actual}: ${JSON.stringify(body).slice(0, 300)}`);
  return body;
}
