import { expect, it } from 'vitest';
import { keyIn } from './key-text';

it('finds the key in what is pasted, also with the header around it', () => {
  for (const text of [
    'enp_1_aB-._~+/9=',
    '  enp_1_aB-._~+/9=\n',
    'Bearer enp_1_aB-._~+/9=',
    'authorization: token enp_1_aB-._~+/9=',
  ]) {
    expect(keyIn(text)).toBe('enp_1_aB-._~+/9=');
  }
});

it('takes no text that cannot be a key', () => {
  for (const text of ['', '  ', 'two words', 'é', '“quoted”', 'a\nb', 'Bearer two words']) {
    expect(keyIn(text), text).toBeNull();
  }
});
