import { InvalidArgumentError, Option } from 'commander';

export const positive = (text: string): number => wholeNumber(text, 1);
export const natural = (text: string): number => wholeNumber(text, 0);

function wholeNumber(text: string, least: number): number {
  const value = Number(text);
  if (text === '' || !Number.isSafeInteger(value) || value < least)
    throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
  return value;
}

export const json = (): Option => new Option('--json', 'machine-readable output');
