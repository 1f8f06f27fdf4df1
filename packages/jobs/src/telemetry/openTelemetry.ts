// OpenTelemetry's SDK for a process: started when its own environment variables (OTEL_…) name a receiver of spans, else not even
// imported. Only traces: metrics are Prometheus's and logs are on stderr. Which spans there are is spans.ts's and the services'.
import { setTimeout as delay } from 'node:timers/promises';

/** How long a stop waits for a receiver to take the last spans, in ms. */
const longestFlushMs = 2_000;

const namesReceiver = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_TRACES_EXPORTER'] as const;

/** Whether the environment asks for spans: an endpoint or an exporter is named, and nothing switches them off. */
function isTraced(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER']?.trim() === 'none') return false;
  return namesReceiver.some((name) => (env[name] ?? '').trim() !== '');
}

/**
 * Begins to trace this process, if its environment asks for that.
 * @param service what spans call it where `OTEL_SERVICE_NAME` does not say: `trainyard-api`
 * @returns sends the spans that are left and ends the tracing; never later than in two seconds
 */
export async function openTelemetry(service: string): Promise<() => Promise<void>> {
  if (!isTraced(process.env)) return () => Promise.resolve();
  const { NodeSDK, resources } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    resource: resources.defaultResource().merge(resources.resourceFromAttributes({ 'service.name': service })),
    // Not the process's: its command line and paths are nobody's business.
    ...((process.env['OTEL_NODE_RESOURCE_DETECTORS'] ?? '') === '' && { resourceDetectors: [resources.envDetector] }),
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return async () => {
    const late = new AbortController();
    // What could not be sent is told by the SDK, if OTEL_LOG_LEVEL asks for it.
    const sent = sdk.shutdown().catch(() => undefined);
    await Promise.race([sent, delay(longestFlushMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  };
}
