import { describe, expect, it } from 'vitest';
import { serialise } from '../../../src/onnx/serialise';
import { probeGraph } from '../../../src/train/compile';
import { Session, staysOnDevice } from '../../../src/train/device';

const model = serialise(probeGraph());

describe('a session that leaves no node to the CPU', () => {
  it('cannot be made where the CPU is all there is', async () => {
    await expect(Session.create(model, { onDevice: true })).rejects.toThrow('fallback to CPU EP has been explicitly disabled');
    await (await Session.create(model)).release();
    expect(await staysOnDevice(model, {})).toBe(false);
  });

  it('fails as ever for another reason', async () => {
    await expect(staysOnDevice(new Uint8Array([1, 2, 3]), {})).rejects.toThrow(/model/i);
  });
});
