import type { ComponentChildren } from 'preact';
import { Fragment } from 'preact';
import { useText } from '../app/app-context';
import type { MessageKey, MessageValues } from '../i18n/translation';

interface RichProps {
  message: MessageKey;
  values?: MessageValues;
  /** What stands in place of the placeholders that are no text. */
  parts: Record<string, ComponentChildren>;
}

/** Of the private use area, so in no message. */
const MARK = '\ue000';

/** A message with elements in it, wherever the language puts them. */
export function Rich({ message, values, parts }: RichProps) {
  const { t } = useText();
  const marks = Object.fromEntries(Object.keys(parts).map((name) => [name, `${MARK}${name}${MARK}`]));
  const pieces = t(message, { ...values, ...marks }).split(MARK);
  return (
    <>
      {pieces.map((piece, index) => (
        <Fragment key={index}>{index % 2 === 0 ? piece : parts[piece]}</Fragment>
      ))}
    </>
  );
}
