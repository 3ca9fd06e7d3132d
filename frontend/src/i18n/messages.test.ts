/** The messages of all languages beside those of English. */
import { readdirSync, readFileSync } from 'node:fs';
import { compileMessage } from '@lingui/message-utils/compileMessage';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { LANGUAGES, type Language } from './languages';

const SOURCES = new URL('..', import.meta.url);

function messagesOf(language: Language): Record<string, string> {
  return JSON.parse(readFileSync(new URL(`i18n/messages/${language}.json`, SOURCES), 'utf8'));
}

const english = messagesOf('en');
const others = LANGUAGES.filter((language) => language !== 'en');

/** The names and kinds of the placeholders of a compiled message, those within plurals included. */
function placeholders(message: unknown): string[] {
  if (!Array.isArray(message)) return [];
  const [name, kind, options] = message as [unknown, unknown, unknown];
  const isPlaceholder = message.length <= 3 && typeof name === 'string' && /^\w+$/.test(name);
  const own =
    isPlaceholder && (kind === undefined || typeof kind === 'string') ? [`${name} ${kind ?? ''}`] : [];
  const nested = typeof options === 'object' && options !== null ? Object.values(options) : [];
  return [...own, ...message.filter(Array.isArray).flatMap(placeholders), ...nested.flatMap(placeholders)];
}

const placeholdersOf = (text: string) =>
  [...new Set(compileMessage(text).flatMap((part) => placeholders(part)))].sort();

describe.each(others)('the messages in %s', (language) => {
  const messages = messagesOf(language);

  it('are those of English, in their order', () => {
    expect(Object.keys(messages)).toEqual(Object.keys(english));
  });

  it('have the placeholders of English', () => {
    const wrong = Object.keys(english).filter(
      (key) =>
        JSON.stringify(placeholdersOf(english[key] ?? '')) !==
        JSON.stringify(placeholdersOf(messages[key] ?? '')),
    );
    expect(wrong).toEqual([]);
  });

  it('are translated', () => {
    const same = Object.keys(english).filter(
      (key) => messages[key] === english[key] && / \w+ /.test(english[key] ?? ''),
    );
    expect(same).toEqual([]);
  });
});

interface Source {
  name: string;
  tree: ts.SourceFile;
}

function sources(): Source[] {
  const names = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.|\.d\.ts|^testing|generated/.test(name))
    .map((name) => {
      const text = readFileSync(new URL(name, SOURCES), 'utf8');
      const kind = name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
      return { name, tree: ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true, kind) };
    });
}

function nodesOf(tree: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node) => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return nodes;
}

/** Attributes whose value is read or heard. */
const SPOKEN = new Set(['aria-label', 'aria-description', 'title', 'alt', 'placeholder', 'label']);
/** The same in all languages. */
const UNTRANSLATED = /^(?:W|read|write)?$/;

function hardCoded(node: ts.Node): string | null {
  if (ts.isJsxText(node)) return node.text.trim();
  const isSpoken = ts.isJsxAttribute(node) && SPOKEN.has(node.name.getText());
  if (isSpoken && node.initializer !== undefined && ts.isStringLiteral(node.initializer))
    return node.initializer.text;
  return null;
}

describe('the components', () => {
  it('have no text of their own', () => {
    const found = sources().flatMap(({ name, tree }) =>
      nodesOf(tree)
        .map(hardCoded)
        .filter((text) => text !== null && /\p{L}/u.test(text) && !UNTRANSLATED.test(text))
        .map((text) => `${name}: ${text}`),
    );
    expect(found).toEqual([]);
  });

  it('use every message', () => {
    const texts = sources().flatMap(({ tree }) => nodesOf(tree).filter(ts.isStringLiteralLike));
    const used = new Set(texts.map(({ text }) => text));
    // Such as `health.${condition}`.
    const heads = sources()
      .flatMap(({ tree }) => nodesOf(tree).filter(ts.isTemplateExpression))
      .map(({ head }) => head.text)
      .filter((head) => head.endsWith('.'));
    const unused = Object.keys(english).filter(
      (key) => !used.has(key) && !heads.some((head) => key.startsWith(head)),
    );
    expect(unused).toEqual([]);
  });
});
