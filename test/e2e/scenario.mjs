import { startSession } from './session.mjs';

/** @typedef {import('./session.mjs').Session} Session */

/**
 * Steps that follow each other in one window: once one has failed, the rest is not run (and counts as failed). A failure leaves a picture and
 * what the console said.
 *
 * @param {string} title
 * @param {Parameters<typeof startSession>[0]} options
 * @param {(session: () => Session) => void} steps declares them with `it`; the window can be had while they run
 */
export function scenario(title, options, steps) {
  describe(title, () => {
    /** @type {Session | undefined} */
    let session;
    let broken = false;
    before(async () => {
      session = await startSession(options);
    });
    beforeEach(function () {
      if (broken) this.skip();
    });
    afterEach(async function () {
      if (this.currentTest?.state !== 'failed') return;
      broken = true;
      console.log(`    picture: ${(await session?.keepPicture(this.currentTest.title)) ?? 'none'}`);
      const complaints =
        session?.messages.filter((message) => /^(error|warning|pageerror)/.test(message) && !message.includes('spdlog')) ?? [];
      for (const message of complaints.slice(-20)) console.log(`    console: ${message.slice(0, 300)}`);
    });
    after(() => session?.stop());
    steps(() => {
      if (!session) throw new Error('A session begins with the first step.');
      return session;
    });
  });
}
