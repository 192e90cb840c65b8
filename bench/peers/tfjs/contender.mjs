import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { serve } from '../protocol.mjs';
import { createStep } from './bert.mjs';

await tf.setBackend('wasm');
await serve({ name: 'tfjs', versions: { tfjs: tf.version.tfjs }, threads: 1 }, createStep(tf, process.argv[2]));
