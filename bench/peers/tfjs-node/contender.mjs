// TensorFlow's own C library under TensorFlow.js, with the model of ../tfjs. It takes as many threads as it finds cores.
import tf from '@tensorflow/tfjs-node';
import { availableParallelism } from 'node:os';
import { serve } from '../protocol.mjs';
import { createStep } from '../tfjs/bert.mjs';

const versions = { 'tfjs-node': tf.version['tfjs-node'] };
await serve({ name: 'tfjs-node', versions, threads: availableParallelism() }, createStep(tf, process.argv[2]));
