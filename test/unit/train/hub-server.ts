import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** The commit that a hub's every branch is at. */
export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/** A server that speaks the part of the Hugging Face hub's API by which models are downloaded, for one model; each test makes it fail as it likes. */
export class HubServer {
  /** Paths that were asked for, with the range. */
  readonly requests: string[] = [];
  token: string | undefined;
  /** Answers in place of the hub; returns whether it did. */
  interfere: (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean = () => false;
  readonly files = new Map<string, Buffer>();
  endpoint = '';
  readonly #server = createServer((request, response) => this.#answer(request, response));

  static async start(id: string, folder: string): Promise<HubServer> {
    const hub = new HubServer(id);
    for (const name of readdirSync(folder)) hub.files.set(name, readFileSync(join(folder, name)));
    await new Promise<void>((resolve) => hub.#server.listen(0, '127.0.0.1', resolve));
    hub.endpoint = `http://127.0.0.1:${(hub.#server.address() as AddressInfo).port}`;
    return hub;
  }

  private constructor(private readonly id: string) {}

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname } = new URL(request.url!, this.endpoint);
    const range = request.headers.range;
    this.requests.push(range === undefined ? pathname : `${pathname} ${range}`);
    const refuse = (status: number): void => void response.writeHead(status).end('{"error":"no"}');
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) return refuse(401);
    const prefix = `/${this.id}/resolve/${COMMIT}/`;
    const [, revision] = new RegExp(`^/api/models/${this.id}/revision/([^/]+)$`).exec(pathname) ?? [];
    const known = revision !== undefined && ['main', 'v1', 'refs%2Fpr%2F1', COMMIT].includes(revision);
    const body = known ? Buffer.from(JSON.stringify(this.#info())) : this.files.get(pathname.replace(prefix, ''));
    if (!body) return refuse(404);
    if (this.interfere(request, response, body)) return;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length - start });
    response.end(body.subarray(start));
  }

  #info(): object {
    const siblings = [...this.files].map(([rfilename, body]) => ({
      rfilename,
      size: body.length,
      blobId: createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex'),
      ...(rfilename.endsWith('.safetensors') && { lfs: { sha256: createHash('sha256').update(body).digest('hex'), size: body.length } }),
    }));
    return { id: this.id, sha: COMMIT, siblings };
  }
}
