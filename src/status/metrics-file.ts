import { replaceFile } from '../files.ts';
import { renderMetrics } from './render-metrics.ts';
import { surveyPkiDirectory, type SurveyOrder } from './survey.ts';

/**
 * Writes the metrics of a PKI directory for node_exporter's textfile collector, which reads a file that ends in `.prom` whenever it likes:
 * replaced at one instant, readable to all. Throws what surveyPkiDirectory() throws, and `unwritable`, `not-found` for the path.
 */
export async function writeMetricsFile(path: string, order: SurveyOrder): Promise<void> {
  await replaceFile(path, renderMetrics(await surveyPkiDirectory(order)), { mode: 0o644 });
}
