// Sends HTTP requests with an API key.

/** A key and the service that it belongs to. */
export interface Caller {
  readonly url: string;
  readonly token: string;
}

export interface RequestOptions {
  /** Default: `POST` with a body, else `GET`. */
  readonly method?: string;
  readonly json?: unknown;
  readonly body?: FormData | string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Aborts the request. Default: after a minute. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed value if the response is JSON, else its text. */
  readonly body: unknown;
}

/** The longest wait for a response, in ms. */
const longestAnswerMs = 60_000;

/** Sends a request. @throws TypeError if the connection breaks; the signal's reason if it aborts */
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

/** Returns the body of a response. @throws Error if the status is another one */
export async function expectStatus(answer: Promise<Answer>, status: number): Promise<unknown> {
  const { status: actual, body } = await answer;
  if (actual !== status) throw new Error(`expected ${status}, got ${actual}: ${JSON.stringify(body).slice(0, 300)}`);
  return body;
}
