import choosing from '../../../samples/notebooks/choosing-an-objective.ipynb';
import contrastive from '../../../samples/notebooks/contrastive-learning.ipynb';
import masked from '../../../samples/notebooks/masked-language-modelling.ipynb';

/** Explorations to begin with: the sample notebooks, on the workspace's own text. */
export const TEMPLATES = [
  { file: 'masked-language-modelling', label: 'Masked language modelling from the inside', text: masked },
  { file: 'contrastive-learning', label: 'Contrastive learning and negative sampling', text: contrastive },
  { file: 'choosing-an-objective', label: 'Choosing an objective', text: choosing },
] as const;

/** What samples say of their text, and what stands there in a workspace. */
const CORPUS = "corpus: { root: '..', include: ['moby-dick/**/*.md'], exclude: ['moby-dick/LICENCE.md'] }";
const OWN = "corpus: { include: ['**/*.md', '**/*.txt'] }";

/** A sample notebook for any workspace: it reads that one's Markdown and plain text. */
export const onOwnText = (text: string): string =>
  text.replaceAll(CORPUS, OWN).replaceAll("root: '../moby-dick'", "root: '.'").replaceAll('_Moby-Dick_', 'the text of this folder');
