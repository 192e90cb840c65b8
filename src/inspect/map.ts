import { setImmediate } from 'node:timers/promises';
import { PCA } from 'ml-pca';
import { UMAP } from 'umap-js';
import { uniform } from '../shared/random';
import type { Projection, TextMap } from '../shared/types';

/** UMAP needs neighbours: fewer points than this are laid out by PCA. */
const FEWEST_FOR_UMAP = 5;
/** Neighbours that UMAP's graph joins each point with (its authors' default). */
const NEIGHBOURS = 15;
/** Epochs between two looks at the clock and the signal. */
const EPOCHS = 10;

/**
 * Places unit vectors [N][H] in the plane, by principal components or by UMAP (McInnes et al., 2018, arXiv 1802.03426). On the sphere Euclidean distance
 * orders pairs as cosine similarity does. The same vectors always give the same map.
 */
export async function project(
  vectors: readonly Float32Array[],
  projection: Projection,
  signal?: AbortSignal,
): Promise<Omit<TextMap, 'units'>> {
  const data = vectors.map((vector) => [...vector]);
  if (data.length < 3) return { points: Float32Array.from(data.flatMap((_, i) => [i, 0])), explained: [1, 0] };
  if (projection === 'pca' || data.length < FEWEST_FOR_UMAP) return principal(data);
  let draws = 0;
  const umap = new UMAP({ nComponents: 2, nNeighbors: Math.min(NEIGHBOURS, data.length - 1), random: () => uniform(7, draws++) });
  const epochs = umap.initializeFit(data);
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step();
    if (epoch % EPOCHS > 0) continue;
    await setImmediate();
    signal?.throwIfAborted();
  }
  return { points: Float32Array.from(umap.getEmbedding().flat()) };
}

function principal(data: number[][]): Omit<TextMap, 'units'> {
  const pca = new PCA(data);
  const points = pca.predict(data, { nComponents: 2 }).to2DArray();
  return { points: Float32Array.from(points.flatMap(([x = 0, y = 0]) => [x, y])), explained: pca.getExplainedVariance().slice(0, 2) };
}
