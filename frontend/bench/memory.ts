/** The memory of a process (Linux). */
import { readFile } from 'node:fs/promises';

/** Resident bytes, those that it shares with other processes included. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}
