/** API keys, created as an operator creates them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROGRAM } from './product';

export interface Keys {
  /** The setting that switches keys on. */
  settings: Record<string, string>;
  /** A new key with these scopes. */
  create(scopes: string): Promise<string>;
  remove(): Promise<void>;
}

export async function newKeys(): Promise<Keys> {
  const directory = await mkdtemp(join(tmpdir(), 'energy-pipeline-keys-'));
  const file = join(directory, 'keys.json');
  const create = async (scopes: string) => {
    const name = ['--name', scopes.replaceAll(',', '-')];
    const command = ['keys', 'create', '--keys-file', file, ...name, '--scope', scopes];
    const { stdout } = await promisify(execFile)(PROGRAM, command);
    const key = /enp_\S+/.exec(stdout)?.[0];
    if (key === undefined) throw new Error(`no key in: ${stdout}`);
    return key;
  };
  return {
    settings: { API_KEYS_FILE: file },
    create,
    remove: () => rm(directory, { recursive: true }),
  };
}
