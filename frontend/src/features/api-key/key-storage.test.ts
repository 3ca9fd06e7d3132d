import { describe, expect, it } from 'vitest';
import type { Storages } from '../../app/storages';
import { memoryStorage } from '../../testing/fake-environment';
import { readKey, writeKey } from './key-storage';

function storages(): Storages & { session: () => Storage; local: () => Storage } {
  const [session, local] = [memoryStorage(), memoryStorage()];
  return { session: () => session, local: () => local };
}

describe('the stored key', () => {
  it('is kept with the tab, or on the device when it is remembered, and never in both', () => {
    const browser = storages();
    writeKey({ key: 'enp_a_1', isRemembered: true }, browser);
    expect([browser.session().length, browser.local().length]).toEqual([0, 1]);
    expect(readKey(browser)).toEqual({ key: 'enp_a_1', isRemembered: true });
    writeKey({ key: 'enp_b_2', isRemembered: false }, browser);
    expect([browser.session().length, browser.local().length]).toEqual([1, 0]);
    expect(readKey(browser)).toEqual({ key: 'enp_b_2', isRemembered: false });
  });

  it('is in neither once it is forgotten', () => {
    const browser = storages();
    for (const isRemembered of [true, false]) {
      writeKey({ key: 'enp_a_1', isRemembered }, browser);
      writeKey(null, browser);
      expect([browser.session().length, browser.local().length, readKey(browser)]).toEqual([0, 0, null]);
    }
  });

  it('does not exist where the browser blocks its storages', () => {
    const blocked = () => {
      throw new DOMException('', 'SecurityError');
    };
    const browser = { session: blocked, local: blocked };
    writeKey({ key: 'enp_a_1', isRemembered: true }, browser);
    expect(readKey(browser)).toBeNull();
  });
});
