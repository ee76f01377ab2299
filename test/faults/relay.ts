// A stretch of wire between two programs, in the hands of a test: octets can be held back in one
// direction, connections cut or refused, and attempts counted. Not a test file. It knows TCP and
// nothing of what passes.

import type { AddressInfo } from 'node:net';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

interface Line {
  readonly near: Socket;
  readonly far: Socket;
}

export class Relay {
  /** Connections asked for so far. */
  attempts = 0;
  /** True: a connection is taken and closed at once, as by a server that has no use for us. */
  refusing = false;
  readonly #lines = new Set<Line>();
  readonly #server: Server;
  #target = 0;
  #holding = false;

  private constructor() {
    this.#server = createServer((near) => this.#connected(near));
  }

  /** Listens on a free loopback port. */
  static async open(): Promise<Relay> {
    const relay = new Relay();
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where it leads. */
  to(port: number): void {
    this.#target = port;
  }

  #connected(near: Socket): void {
    this.attempts += 1;
    near.on('error', () => undefined);
    if (this.refusing) {
      near.destroy();
      return;
    }
    const far = dial(this.#target, '127.0.0.1');
    const line = { near, far };
    this.#lines.add(line);
    far.on('error', () => undefined);
    near.on('data', (octets) => far.write(octets));
    far.on('data', (octets) => near.write(octets));
    if (this.#holding) near.pause();
    for (const socket of [near, far])
      socket.on('close', () => {
        this.#lines.delete(line);
        near.destroy();
        far.destroy();
      });
  }

  /** Nothing more gets through from the one who dialled; what he says is kept. */
  hold(): void {
    this.#holding = true;
    for (const { near } of this.#lines) near.pause();
  }

  /** What was kept goes on its way. */
  release(): void {
    this.#holding = false;
    for (const { near } of this.#lines) near.resume();
  }

  /** Cuts every line; what was kept is lost. */
  cut(): void {
    this.#holding = false;
    for (const { near, far } of this.#lines) {
      near.destroy();
      far.destroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
