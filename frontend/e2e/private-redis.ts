/** The Redis that `up` brings: commands to it, and a Redis that does not answer. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class PrivateRedis {
  constructor(
    private readonly dataDir: string,
    /** Of the program, whose child it is. */
    private readonly parent: number,
  ) {}

  /** Sends a command and resolves with the first line of its reply (RESP2). */
  async command(...words: string[]): Promise<string> {
    const socket = connect((await readFile(join(this.dataDir, 'socket.path'), 'utf8')).trim());
    const request = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('');
    socket.end(`*${words.length}\r\n${request}`);
    let reply = '';
    for await (const chunk of socket) reply += chunk;
    return reply.split('\r\n', 1)[0] ?? '';
  }

  /** Stops the server as a machine that hangs does: connections stay open and nothing answers. */
  async freeze(): Promise<void> {
    process.kill(await this.pid(), 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    process.kill(await this.pid(), 'SIGCONT');
  }

  private async pid(): Promise<number> {
    const { stdout } = await run('pgrep', ['-P', String(this.parent), 'redis-server']);
    return Number(stdout.trim());
  }
}
