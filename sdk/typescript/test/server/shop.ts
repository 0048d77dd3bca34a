/** A running shop: a database of its own, the payment sandbox, and oms, as `cargo xtask test` builds them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import pg from 'pg';
import { Oms, type OmsOptions } from '../../src/index.ts';
import { Wire } from './wire.ts';

const PROGRAMS = process.env['OMS_TEST_PROGRAMS'] ?? join(import.meta.dirname, '../../../../target/debug');
const SERVER = process.env['OMS_TEST_DATABASE_URL'];

/** No time-out expires on a slow machine. The sweeper looks continuously, but nothing is due until `makeDue`. */
const SETTINGS = {
  OMS_METRICS_PORT: '0',
  OMS_LOG_FORMAT: 'json',
  OMS_STRIPE_SECRET_KEY: 'sk_test_sdk',
  OMS_STRIPE_TIMEOUT_MS: '60000',
  OMS_STRIPE_CONNECT_TIMEOUT_MS: '60000',
  OMS_DATABASE_ACQUIRE_TIMEOUT_MS: '120000',
  OMS_DATABASE_LOCK_TIMEOUT_MS: '120000',
  OMS_DATABASE_STATEMENT_TIMEOUT_MS: '240000',
  OMS_INTAKE_TIMEOUT_MS: '120000',
  OMS_SWEEP_INTERVAL_MS: '50',
  OMS_SWEEP_AFTER_MS: '3600000',
  OMS_SWEEP_BACKOFF_MIN_MS: '50',
  OMS_SWEEP_BACKOFF_MAX_MS: '200',
  OMS_SWEEP_MAX_TRIES: '1000',
  OMS_GATEWAY_EVENTS_INTERVAL_MS: '50',
  OMS_RECONCILE_INTERVAL_MS: '0',
};

/** A program, until it is stopped. */
class Program {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #listeners: (() => void)[] = [];

  constructor(name: string, words: string[], env: Record<string, string>, cwd: string) {
    const file = join(PROGRAMS, name);
    if (!existsSync(file)) throw new Error(`${file} is missing: cargo build --workspace --bins --features oms-api/failpoints`);
    this.#child = spawn(file, words, { cwd, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', resolve).once('error', resolve);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        for (const heard of this.#listeners) heard();
      });
    }
    void this.#ended.then(() => {
      for (const heard of this.#listeners) heard();
    });
  }

  /** Waits for a line from which `read` returns something. */
  async said(read: (line: string) => string | undefined): Promise<string> {
    for (;;) {
      const found = this.lines.map(read).find((it) => it !== undefined);
      if (found !== undefined) return found;
      if (this.#child.exitCode !== null) throw new Error(`the program ended:\n${this.lines.slice(-20).join('\n')}`);
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
      this.#listeners = [];
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** What the sandbox knows about an order. */
export interface Charged {
  charges: number;
  capturedMinor: number;
  refundedMinor: number;
  intents: { id: string }[];
}

export class Shop {
  readonly #folder: string;
  readonly #database: string;
  readonly #url: string;
  #sandbox!: Program;
  #api!: Program;
  #settings: Record<string, string>;
  sandboxUrl = '';
  apiUrl = '';
  /** Between the client and oms. It can be cut. */
  wire!: Wire;

  private constructor(folder: string, database: string, url: string, settings: Record<string, string>) {
    this.#folder = folder;
    this.#database = database;
    this.#url = url;
    this.#settings = settings;
  }

  static async open(settings: Record<string, string> = {}): Promise<Shop> {
    if (SERVER === undefined) throw new Error('OMS_TEST_DATABASE_URL names no server: a superuser\'s URL');
    const database = `oms_sdk_${randomUUID().replaceAll('-', '')}`;
    const url = new URL(SERVER);
    url.pathname = `/${database}`;
    await onServer(`CREATE DATABASE ${database}`);
    const shop = new Shop(mkdtempSync(join(tmpdir(), 'oms-sdk-')), database, url.href, settings);
    await shop.command('migrate');
    await shop.command('seed');
    const state = join(shop.#folder, 'sandbox.journal');
    shop.#sandbox = new Program('payment-sandbox', ['--port', '0', '--state-file', state], {}, shop.#folder);
    shop.sandboxUrl = await shop.#sandbox.said((line) => /listening on (http:\S+)/.exec(line)?.[1]);
    await shop.start('0');
    shop.wire = await Wire.to(shop.apiUrl);
    return shop;
  }

  /** Ends the programs and drops the database. */
  async close(): Promise<void> {
    this.wire?.close();
    await this.#api?.kill();
    await this.#sandbox?.kill();
    await onServer(`DROP DATABASE ${this.#database} WITH (FORCE)`);
    rmSync(this.#folder, { recursive: true });
  }

  /** Runs a command of oms-api, and returns what it prints. */
  async command(...words: string[]): Promise<string> {
    const env = { DATABASE_URL: this.#url, OMS_LOG: 'off' };
    const { stdout } = await promisify(execFile)(join(PROGRAMS, 'oms-api'), words, { cwd: this.#folder, env });
    return stdout.trim();
  }

  /** Starts oms, also once more. */
  async start(port: string, more: Record<string, string> = {}): Promise<void> {
    const env = { DATABASE_URL: this.#url, OMS_PORT: port, OMS_STRIPE_API_URL: this.sandboxUrl };
    this.#api = new Program('oms-api', ['serve'], { ...env, ...SETTINGS, ...this.#settings, ...more }, this.#folder);
    this.apiUrl = await this.#api.said((line) => {
      if (!line.startsWith('{')) return undefined;
      const { message, server, address } = JSON.parse(line) as Record<string, string>;
      return message === 'listening' && server === 'API' ? `http://${address}` : undefined;
    });
  }

  /** Kills oms, as a machine that fails does, and starts it again at the same address. */
  async restart(more: Record<string, string> = {}): Promise<void> {
    await this.#api.kill();
    await this.start(new URL(this.apiUrl).port, more);
  }

  /** A client behind the wire. */
  client(options: Partial<OmsOptions> = {}): Oms {
    return new Oms({ baseUrl: this.wire.url, timeoutMs: 300_000, ...options });
  }

  /** Calls the sandbox's control API. */
  async sandbox(method: string, path: string, body?: object): Promise<unknown> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${this.sandboxUrl}/_sandbox/${path}`, { method, ...sent });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** What the gateway does to the next calls of an operation. */
  async fault(operation: string, action: object, times: number | null = 1): Promise<void> {
    await this.sandbox('POST', 'faults', { rules: [{ operation, action, times }] });
  }

  async release(): Promise<void> {
    await this.sandbox('DELETE', 'faults');
  }

  async charged(orderId: string): Promise<Charged> {
    return (await this.sandbox('GET', `orders/${orderId}`)) as Charged;
  }

  /** Lets the sweeper look at every order that is not settled. No request may be working on one. */
  async makeDue(): Promise<void> {
    await this.sql('UPDATE orders.reconciliations SET due_at = now()');
  }

  async sql(text: string): Promise<void> {
    await on(this.#url, text);
  }
}

async function onServer(text: string): Promise<void> {
  await on(SERVER ?? '', text);
}

async function on(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
