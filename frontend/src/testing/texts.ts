/** English texts and formats, for what is tested without a page. */
import english from 'virtual:messages/en';
import { createFormats } from '../i18n/formats';
import { createTranslate } from '../i18n/translation';

export const t = createTranslate('en-GB', english);
export const formats = createFormats('en-GB', t);
