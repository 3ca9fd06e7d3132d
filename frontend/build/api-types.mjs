/** Generates the types of the services from their OpenAPI documents; with `--check` it fails where they are outdated. */
import { spawnSync } from 'node:child_process';

const check = process.argv.includes('--check') ? ['--check'] : [];
for (const service of ['ingestion-api', 'processing-service']) {
  const output = ['-o', `src/api/generated/${service}.ts`];
  const style = ['--immutable', '--root-types', '--root-types-no-schema-prefix'];
  const command = ['openapi-typescript', `../openapi/${service}.json`, ...output, ...style, ...check];
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', ...command], { encoding: 'utf8' });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\nrun: make api-types\n`);
    process.exit(1);
  }
}
