// Lists all routes of the API. If you add a file with routes, import it here and add it to the list.
import { documentationRoutes } from '../plugins/documentation.ts';
import { artifactRoutes } from './artifacts.ts';
import { catalogRoutes } from './catalog.ts';
import { compareRoute } from './compare.ts';
import { createJobRoute } from './createJob.ts';
import { curveRoute } from './curve.ts';
import { datasetExportRoute } from './datasetExport.ts';
import { datasetSamplesRoute } from './datasetSamples.ts';
import { datasetRoutes } from './datasets.ts';
import { describeJobRoute } from './describeJob.ts';
import { eventRoutes } from './events.ts';
import { filterRoutes } from './filters.ts';
import { healthRoutes } from './health.ts';
import { insideRoutes } from './inside.ts';
import { jobActionRoutes } from './jobActions.ts';
import { jobRoutes } from './jobs.ts';
import { metricsRoutes } from './metrics.ts';
import { predictRoutes } from './predict.ts';
import { quotaRoutes } from './quotas.ts';
import { serviceMetricsRoutes } from './serviceMetrics.ts';
import { successorRoutes } from './successors.ts';
import { sweepRoutes } from './sweeps.ts';
import { uploadDatasetRoute } from './uploadDataset.ts';
import { uploadWeightsRoute } from './uploadWeights.ts';
import { verifyRoutes } from './verify.ts';
import { webhookRoutes } from './webhooks.ts';
import { weightsRoutes } from './weights.ts';
import { workerRoutes } from './workers.ts';
import type { AsyncRoutes, Routes } from './routeContext.ts';

/** All routes, in the order of the OpenAPI document. */
export const routes: readonly (Routes | AsyncRoutes)[] = [
  documentationRoutes,
  healthRoutes,
  catalogRoutes,
  createJobRoute,
  quotaRoutes,
  jobRoutes,
  describeJobRoute,
  jobActionRoutes,
  successorRoutes,
  verifyRoutes,
  eventRoutes,
  metricsRoutes,
  compareRoute,
  curveRoute,
  webhookRoutes,
  insideRoutes,
  sweepRoutes,
  serviceMetricsRoutes,
  predictRoutes,
  filterRoutes,
  artifactRoutes,
  workerRoutes,
  weightsRoutes,
  datasetRoutes,
  uploadWeightsRoute,
  uploadDatasetRoute,
  datasetSamplesRoute,
  datasetExportRoute,
];
