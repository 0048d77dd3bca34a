/** An empty project into which the package was installed. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'oms-project-'));

  constructor() {
    // Other tests use what is built, so it is not built again.
    execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', this.folder], { cwd: ROOT });
    const packed = readdirSync(this.folder).find((name) => name.endsWith('.tgz'));
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ name: 'a-shop', private: true, type: 'module' }));
    this.run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', `./${packed}`]);
  }

  /** Copies a file of the package's folder to the top of the project. */
  copy(path: string): string {
    const to = join(this.folder, basename(path));
    copyFileSync(join(ROOT, path), to);
    return to;
  }

  write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  /** Runs a program to its end, and returns what it prints. */
  run(program: string, words: string[], env: Record<string, string> = {}): string {
    const options = { cwd: this.folder, env: { ...process.env, ...env }, encoding: 'utf8' } as const;
    return execFileSync(program, words, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** Starts a file. */
  start(file: string, words: string[], env: Record<string, string>): ChildProcess {
    return spawn(process.execPath, [file, ...words], { cwd: this.folder, env: { ...process.env, ...env }, stdio: 'ignore' });
  }

  /** Checks the types of files, without the settings of this repository. */
  compile(files: string[]): void {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
    const words = ['--noEmit', '--strict', '--target', 'ES2022', '--module', 'NodeNext', '--skipLibCheck', ...types];
    this.run(process.execPath, [tsc, ...words, ...files]);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
