// The page at `/` for browsers: it says what the service is, and has links to the API reference and the catalog. The page has no scripts
// and loads no other files.

const links: readonly (readonly [path: string, name: string, what: string])[] = [
  ['/docs/', 'API reference', 'all requests, with a form to try each of them'],
  ['/catalog', 'Catalog', 'all layers, losses, optimizers, schedulers, transforms and datasets, with their options, and the limits'],
  ['/openapi.json', 'OpenAPI', 'the API reference for programs'],
  ['/health/ready', 'Readiness', 'whether the service can run jobs now'],
];

interface FrontPage {
  readonly version: string;
  /** The origin that the browser uses for the service, such as `http://127.0.0.1:3000`. It goes into the page, so it must be valid. */
  readonly origin: string;
  /** The path under which a proxy serves the service, without a slash at its end. Empty without a proxy. */
  readonly basePath: string;
  readonly needsKeys: boolean;
}

/** Returns the page as HTML. */
export function frontPage({ version, origin, basePath, needsKeys }: FrontPage): string {
  const items = links.map(([path, name, what]) => `      <li><a href="${basePath}${path}">${name}</a>: ${what}</li>`);
  const key = needsKeys ? ' \\\n  -H "authorization: Bearer $KEY"' : '';
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Trainyard</title>
    <style>
      :root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif; }
      body { max-width: 40rem; margin: 12vh auto 2rem; padding: 0 1.5rem; }
      h1 { font-size: 1.75rem; margin: 0; }
      li { margin: 0.35rem 0; }
      pre { overflow-x: auto; padding: 0.75rem 1rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 0.4rem; }
      small { opacity: 0.7; }
    </style>
  </head>
  <body>
    <h1>Trainyard <small>${version}</small></h1>
    <p>Trains neural networks as jobs: post a network as JSON, watch every epoch, download the weights.</p>
    <ul>
${items.join('\n')}
    </ul>
    <p>A first job, from a terminal${needsKeys ? ', with your API key in <code>KEY</code>' : ''}:</p>
    <pre>curl ${origin}${basePath}/jobs -H 'content-type: application/json'${key} \\
  -d '{
    "data": { "dataset": "digits" },
    "model": { "preset": "lenet5" },
    "loss": { "type": "crossEntropy" },
    "optimizer": { "type": "adam" },
    "epochs": 3 }'</pre>
  </body>
</html>
`;
}
