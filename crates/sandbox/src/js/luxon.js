// luxon in the time zone of the workflow; `require('luxon')` gives the library itself.
(function ({ host, step, load, define }) {
  // The library reads it as a global.
  if (!('Intl' in globalThis)) define(globalThis, 'Intl', load('intl').Intl);
  const luxon = host.load('vendor/luxon')();
  luxon.Settings.defaultZone = step.zone;
  luxon.Settings.defaultLocale = 'en-US';
  luxon.Settings.now = () => Date.now();
  Object.defineProperty(luxon, '$now', { get: () => luxon.DateTime.now() });
  Object.defineProperty(luxon, '$today', { get: () => luxon.DateTime.now().startOf('day') });
  return luxon;
})
