// `this` in the code, `console`, `require` and the other small globals.
(function (env) {
  const { host, load, items } = env;
  const { step } = env;
  const write = (level) => (...values) =>
    host.log(level, values.every((value) => typeof value === 'string') && !values[0]?.includes('%')
      ? values.join(' ') : load('util').format(...values));
  const exports = {};
  const custom = () => (env.custom ??= {});
  return {
    console: { log: write('info'), info: write('info'), dir: write('info'), table: write('info'), debug: write('debug'),
      trace: write('debug'), warn: write('warn'), error: write('error') },
    require(name) {
      const module = String(name).replace(/^node:/, '');
      if (!step.modules.includes(module)) {
        const allowed = step.modules.join(', ') || 'none';
        throw new Error(`Cannot find module '${name}': it is not allowed here; this instance allows: ${allowed}`);
      }
      return load(module);
    },
    module: { exports },
    exports,
    get crypto() { return load('crypto').webcrypto; },
    get $execution() {
      return Object.defineProperty({ ...step.variables.$execution }, 'customData', {
        value: {
          set: (key, value) => { custom()[key] = String(value); },
          setAll: (all) => { for (const key in all) custom()[key] = String(all[key]); },
          get: (key) => env.custom?.[key],
          getAll: () => ({ ...env.custom }),
        },
      });
    },
    get helpers() { return load('helpers'); },
    getInputData: () => items(),
    getItemIndex: () => env.index,
    getMode: () => step.variables.$mode ?? 'manual',
    getNodeParameter: (name, _, fallback) => step.variables.$parameter?.[name] ?? fallback,
    getTimezone: () => step.zone,
    getWorkflowStaticData: (kind) => load('nodes').$getWorkflowStaticData(kind),
    continueOnFail: () => step.continue_on_fail,
  };
})
