import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Metrics } from '../shared/types';

/*
 * TensorBoard's event files: TFRecords (length, checksum, data, checksum) of `Event` messages, see tensorflow/core/util/event.proto and
 * tensorflow/core/lib/io/record_writer.h. A record that a crash cut off ends the file for TensorBoard, so every start of a run writes a file of its own.
 */

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4), a byte at a time. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0x82f63b78 : remainder >>> 1;
  return remainder;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** Checksums of records are masked, because checksums of data that hold checksums are weak. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length + 4);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(bytes.subarray(0, 8))), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return bytes;
}

/** @param time in seconds since 1970 */
const event = (time: number): BinaryWriter => new BinaryWriter().tag(1, WireType.Bit64).double(time);

/** The name of a run's n-th file, from 0: TensorBoard reads them in the order of their names, and clocks are moved. */
export const eventFile = (startedAt: string, n: number): string =>
  `events.out.tfevents.${Math.floor(Date.parse(startedAt) / 1000)}.${String(n).padStart(4, '0')}`;

export const isEventFile = (name: string): boolean => name.startsWith('events.out.tfevents.');

/** What a file begins with: its version, and that a run goes on after `step`, so that TensorBoard forgets what it knows of later steps. */
export function beginning(step: number, time: number): Uint8Array {
  const version = event(time).tag(3, WireType.LengthDelimited).string('brain.Event:2').finish();
  const start = event(time)
    .tag(2, WireType.Varint)
    .int64(step + 1);
  start.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(1).join();
  return Buffer.concat([record(version), record(start.finish())]);
}

/** A line of `metrics.jsonl` as a record. */
export function metricsRecord(line: Metrics, time: number): Uint8Array {
  const writer = event(time).tag(2, WireType.Varint).int64(line.step).tag(5, WireType.LengthDelimited).fork();
  for (const [tag, value] of Object.entries(scalarsOf(line))) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(tag).tag(2, WireType.Bit32).float(value).join();
  }
  return record(writer.join().finish());
}

/** What TensorBoard shows of a line; the part of a name before the slash is the section that a chart is in. */
export function scalarsOf({ loss = {}, eval: measured = {}, probes = {}, gradientNorms = {}, ...line }: Metrics): Record<string, number> {
  const under = (section: string, values: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(values).map(([name, value]) => [`${section}/${name}`, value]);
  const single: [string, number | undefined][] = [
    ['optimiser/learning rate', line.learningRate],
    ['optimiser/gradient norm', line.gradientNorm],
    ['throughput/tokens per second', line.tokensPerSecond],
    ['throughput/wait for data', line.dataWait],
  ];
  const entries = [
    ...under('loss', loss),
    ...under('held out', measured),
    ...under('probe', probes),
    ...under('gradient norm', gradientNorms),
    ...single,
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
