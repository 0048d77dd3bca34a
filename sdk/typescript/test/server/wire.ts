import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';

/** A connection to a server that can be cut, before a request arrives or after it was carried out. */
export class Wire {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Requests that are lost. */
  #lostRequests = 0;
  /** Answers that are lost, after their requests were carried out. */
  #lostAnswers = 0;
  url = '';

  private constructor(target: URL) {
    this.#server = createServer((client) => {
      const server = connect(Number(target.port), target.hostname);
      const end = () => {
        client.destroy();
        server.destroy();
      };
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', end).on('close', () => {
          this.#sockets.delete(socket);
          end();
        });
      }
      client.on('data', (data) => {
        if (this.#lostRequests > 0) {
          this.#lostRequests -= 1;
          end();
        } else server.write(data);
      });
      server.on('data', (data) => {
        if (this.#lostAnswers > 0) {
          this.#lostAnswers -= 1;
          end();
        } else client.write(data);
      });
    });
  }

  static async to(url: string): Promise<Wire> {
    const wire = new Wire(new URL(url));
    await new Promise<void>((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
    wire.url = `http://127.0.0.1:${(wire.#server.address() as AddressInfo).port}`;
    return wire;
  }

  /** Loses this many requests, and then this many answers. */
  lose({ requests = 0, answers = 0 }: { requests?: number; answers?: number }): void {
    this.#lostRequests = requests;
    this.#lostAnswers = answers;
  }

  /** Cuts everything that is open. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
