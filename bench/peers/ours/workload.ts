// Writes the workload that all contenders read: `node workload.js FOLDER PRESET DROPOUT`.
import { writeTwin } from '../../../src/bench/twin';
import type { Preset } from '../../../src/experiment/model';

const [folder, preset, dropout] = process.argv.slice(2) as [string, Preset, string];
writeTwin(folder, { preset, dropout: Number(dropout) });
