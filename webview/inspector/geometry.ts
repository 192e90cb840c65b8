import { geometryCommand } from '../../src/shared/command-line';
import type { Geometry, Unit } from '../../src/shared/types';
import { CommandLine } from '../common/command-line';
import { element } from '../common/dom';
import { Question } from './question';
import { subjectKey, type SectionHost, type Subject } from './section';

/** How the embeddings of a text's units lie on the sphere, in two numbers. */
export class GeometryView {
  readonly root: HTMLElement;
  readonly #numbers = element('dl', {});
  readonly #command: CommandLine;
  readonly #question: Question;

  constructor(private readonly host: SectionHost) {
    this.#command = new CommandLine(host.copy);
    const paper = element('a', {
      text: 'Wang & Isola, 2020',
      attributes: {
        href: 'https://arxiv.org/abs/2005.10242',
        title: 'Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere',
      },
    });
    const body = element('div', {}, [this.#numbers, this.#command.root]);
    this.#question = new Question(body, 'Measuring…', host.explain);
    this.root = element('section', { class: 'geometry', attributes: { 'aria-label': 'Alignment and uniformity', hidden: '' } }, [
      element('h3', { text: 'Alignment and uniformity' }),
      element('p', { class: 'muted' }, ['How the embeddings lie on the sphere. Both are better when lower (', paper, ').']),
      this.#question.root,
    ]);
  }

  show(subject: Subject): Promise<void> {
    this.root.hidden = false;
    return this.#question.ask(subjectKey(subject), async (signal, arrived) => {
      const { content, unit, limit, model, file } = subject;
      const geometry = await this.host.request('geometry', { content, unit, limit }, { signal });
      this.#numbers.replaceChildren(...rows(geometry, unit));
      this.#command.show(file === undefined ? undefined : geometryCommand(model, file, unit));
      arrived(true);
    });
  }

  stop(): void {
    this.#question.stop();
  }

  hide(): void {
    this.stop();
    this.root.hidden = true;
  }
}

function rows({ alignment, uniformity }: Geometry, unit: Unit): HTMLElement[] {
  const row = (name: string, value: string, meaning: string): HTMLElement[] => [
    element('dt', { text: name }),
    element('dd', { class: 'number', text: value }),
    element('dd', { class: 'muted', text: meaning }),
  ];
  return [
    ...(alignment === undefined
      ? row('Alignment', '–', 'The model has no dropout, so there are no two views of it to compare.')
      : row('Alignment', alignment.toFixed(3), `How far dropout moves a ${unit}: the mean squared distance of two views of it, from 0.`)),
    ...row(
      'Uniformity',
      uniformity.toFixed(3).replace('-', '−'),
      `How evenly the ${unit}s fill the sphere: the logarithm of the mean of exp(−2 × squared distance). At 0 all stand in one place.`,
    ),
  ];
}
