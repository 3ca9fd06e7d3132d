/** The messages of a language, compiled by `build/icu-messages.ts`. */
declare module 'virtual:messages/*' {
  const messages: import('@lingui/core').Messages;
  export default messages;
}
