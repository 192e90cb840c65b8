import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Metrics } from '../../../src/shared/types';
import { resume, train } from '../../../src/train/loop';
import { readMetrics } from '../../../src/train/run';
import { crc32c, isEventFile, scalarsOf } from '../../../src/train/tensorboard';
import { makeWorkspace } from '../support/workspace';

interface Event {
  step: number;
  version?: string;
  restarts?: boolean;
  scalars: Record<string, number>;
}

/** Reads fields by their numbers, as protobuf's wire format has them. */
function fieldsOf(bytes: Uint8Array): [number, unknown][] {
  const reader = new BinaryReader(bytes);
  const fields: [number, unknown][] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const read = {
      [WireType.Bit64]: () => reader.double(),
      [WireType.Bit32]: () => reader.float(),
      [WireType.Varint]: () => Number(reader.int64()),
    } as Partial<Record<WireType, () => unknown>>;
    fields.push([field, (read[type] ?? (() => reader.bytes()))()]);
  }
  return fields;
}

/** The events of a file, its checksums checked. */
function eventsOf(path: string): Event[] {
  const bytes = readFileSync(path);
  const unmask = (crc: number): number => {
    const rotated = (crc - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  const events: Event[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(unmask(bytes.readUInt32LE(at + 8))).toBe(crc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(unmask(bytes.readUInt32LE(at + 12 + length))).toBe(crc32c(data));
    const event: Event = { step: 0, scalars: {} };
    for (const [field, value] of fieldsOf(data)) {
      if (field === 2) event.step = value as number;
      if (field === 3) event.version = Buffer.from(value as Uint8Array).toString();
      if (field === 7) event.restarts = true;
      if (field === 5)
        for (const [, scalar] of fieldsOf(value as Uint8Array)) {
          const [tag, number] = fieldsOf(scalar as Uint8Array).map(([, each]) => each);
          event.scalars[Buffer.from(tag as Uint8Array).toString()] = number as number;
        }
    }
    events.push(event);
    at += 16 + length;
  }
  return events;
}

const files = (run: string): string[] =>
  readdirSync(run)
    .filter(isEventFile)
    .sort()
    .map((name) => join(run, name));

describe('event files for TensorBoard', () => {
  it('have the checksums of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  it('say what the metrics say, in a file of its own for each start of a run', async () => {
    const { experiment, remove } = makeWorkspace();
    const controller = new AbortController();
    const metrics = ({ step }: Metrics): void => {
      if (step === 7) controller.abort();
    };
    const { run } = await train({ experiment, signal: controller.signal, events: { metrics } });
    await resume({ run });
    const [first, second] = files(run).map(eventsOf);
    for (const [events, from] of [
      [first!, 0],
      [second!, 7],
    ] as const) {
      expect(events[0]).toMatchObject({ version: 'brain.Event:2' });
      expect(events[1]).toEqual({ step: from + 1, restarts: true, scalars: {} });
    }
    const lines = readMetrics(run, -1, 1000);
    const rounded = (scalars: Record<string, number>): object =>
      Object.fromEntries(Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)]));
    const told = [...first!, ...second!].filter(({ scalars }) => Object.keys(scalars).length > 0);
    expect(told.map(({ step, scalars }) => [step, scalars])).toEqual(lines.map((line) => [line.step, rounded(scalarsOf(line))]));
    expect(Object.keys(scalarsOf(lines.find(({ loss }) => loss)!))).toEqual(
      expect.arrayContaining([
        'loss/mlm',
        'loss/total',
        'optimiser/learning rate',
        'gradient norm/contrastive',
        'throughput/tokens per second',
      ]),
    );
    remove();
  });
});
