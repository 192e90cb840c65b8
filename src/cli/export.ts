import { resolve } from 'node:path';
import { exportModel } from '../inspect/export';
import type { ExportFormat } from '../shared/types';

export function exportCommand(run: string, folder: string, { format, json }: { format: ExportFormat; json?: boolean }): void {
  const exported = exportModel(resolve(run), folder, format);
  process.stdout.write(
    json
      ? `${JSON.stringify(exported)}\n`
      : `${exported.architecture} in ${exported.folder}\n${exported.files.map((name) => `  ${name}\n`).join('')}`,
  );
}
